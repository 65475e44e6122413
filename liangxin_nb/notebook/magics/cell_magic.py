"""`%%liangxin`: one prompt below an option line, and a card for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython import get_ipython

from ...core.command_line import split_line
from ...core.printing import print_text
from ...core.request import DEFAULT_MODEL
from ...errors import InvalidRequestError
from .batch_magic import batch_cell
from .execution import current_session, short_interrupts, should_wait, wait_for
from .hints import join_model_words, prompt_on_line_error
from .options import (
    CELL_OPTIONS,
    asks_for_help,
    parse_number,
    parse_option_pairs,
    parse_options,
    validate_identifier,
    with_help,
)
from .template import fill_template

if TYPE_CHECKING:
    from ...session.job import Job

__all__ = ["CellArguments", "liangxin_cell", "parse_cell"]

_MAX_COUNT = 50
_EXAMPLES = """\
examples:
  %%liangxin --aspect 16:9 --seed 7
  a cafe terrace at night, rain on the stones

  %%liangxin nano-banana-pro --image photo.png -n 2 --out jobs
  the same terrace in winter

"""


@dataclass(frozen=True)
class CellArguments:
    """Contents of a ``%%liangxin`` cell.

    Attributes:
        prompt: The text below the option line.
        model: Name of the model.
        common_options: `aspect`, `size` and `seed` as typed; None where not given.
        options: The ``-o`` pairs as typed.
        count: Number of tasks.
        images: Reference pictures as typed, or the values of the variables that they name.
        wait: Whether to block; None for the setting.
        out: Variable that receives the job; empty for none.
        quiet: Whether no card is shown.
        reuse: Whether the result of identical work is returned instead; None for the setting.
        allow_key_like: Whether texts may look like an API key.
        any_model: Whether the catalogue need not list the model.
    """

    prompt: str
    model: str = DEFAULT_MODEL
    common_options: Mapping[str, str | None] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    images: tuple[Any, ...] = ()
    wait: bool | None = None
    out: str = ""
    quiet: bool = False
    reuse: bool | None = None
    allow_key_like: bool = False
    any_model: bool = False


@with_help("%%liangxin [MODEL] [options]\nPROMPT", CELL_OPTIONS, f"{_EXAMPLES}{batch_cell.__doc__}")
def liangxin_cell(line: str, cell: str) -> Any:
    """Create tasks from the prompt below this line. The prompt is sent literally.

    The cell returns at once. A live card follows each task and is replaced by the
    finished picture. Every task is recorded in the ledger before it is sent, and
    may be billed once it is sent.
    """
    shell = get_ipython()
    with short_interrupts():
        if asks_for_help(line):
            print_text(liangxin_cell.__doc__)  # help was requested
            return None
        first_word, _, rest = line.strip().partition(" ")
        if first_word == "batch":
            return batch_cell(rest, cell)
        arguments = parse_cell(line, cell, shell.user_ns)
        blocks = should_wait(arguments.wait)
        jobs = _submit(arguments, brief=blocks)
        if arguments.out:
            shell.user_ns[arguments.out] = jobs[0] if arguments.count == 1 else jobs
        if blocks:
            wait_for(jobs)
    return None


def parse_cell(line: str, body: str, variables: Mapping[str, Any]) -> CellArguments:
    """Parse a ``%%liangxin`` cell.

    Args:
        line: The option line, without the magic's name.
        body: The text below it.
        variables: The notebook's variables, for ``--image`` and ``--template``.

    Raises:
        InvalidRequestError: If an option is unknown or its value is invalid.
    """
    values, others = parse_options(liangxin_cell, CELL_OPTIONS, line)
    prompt = body.strip("\r\n")
    given = [] if values.model is None else [values.model, *others]
    model, *extra = join_model_words(given) or [DEFAULT_MODEL]
    if given and not prompt.strip():
        raise prompt_on_line_error(split_line(line), given)
    if extra:
        raise InvalidRequestError(
            f"Unexpected {extra[0]!r} on the option line; nothing was sent.",
            next_step="Write the prompt on the lines below, and quote values that contain spaces.",
        )
    return CellArguments(
        prompt=fill_template(prompt, variables) if values.template else prompt,
        model=model,
        common_options={"aspect": values.aspect, "size": values.size, "seed": values.seed},
        options=_single_values(values.option),
        count=parse_number("-n", values.n, 1, _MAX_COUNT),
        images=tuple(variables.get(reference, reference) for reference in values.image),
        wait=values.wait,
        out=validate_identifier(values.out),
        quiet=values.quiet,
        reuse=values.reuse,
        allow_key_like=values.allow_key_like,
        any_model=values.any_model,
    )


def _single_values(pairs: list[str]) -> dict[str, str]:
    """Parse ``-o`` pairs in which every name occurs once."""
    options = parse_option_pairs(pairs)
    for name, values in options.items():
        if len(values) > 1:
            raise InvalidRequestError(
                f"-o {name} is given twice; nothing was sent.",
                next_step="%%liangxin batch makes one task for each value.",
            )
    return {name: values[0] for name, values in options.items()}


def _submit(arguments: CellArguments, *, brief: bool) -> list[Job]:
    """Submit one job for each picture and show its card."""
    from ...session.parents import derive_from_pictures
    from ...session.request_builder import build_requests
    from ..widgets import show

    session = current_session()
    requests, notes = build_requests(
        session.settings.profile,
        arguments.prompt,
        arguments.model,
        common_options=arguments.common_options,
        options=arguments.options,
        images=arguments.images,
        count=arguments.count,
        allow_key_like=arguments.allow_key_like,
        any_model=arguments.any_model,
    )
    derivation = derive_from_pictures(session.ledger, arguments.images)
    jobs = []
    reuse = session.reuses(arguments.reuse)
    for job in session.submit_each(requests, reuse=reuse, derivation=derivation):
        jobs.append(job)
        if not arguments.quiet:
            show(job, session, notes=notes, brief=brief)
    return jobs
