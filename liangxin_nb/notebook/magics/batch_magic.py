"""`%%liangxin batch`, `%liangxin batch ID` and `%liangxin batches`: many prompts at once."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython import get_ipython

from ...config.key_detector import reject_keys
from ...core.printing import print_text
from ...core.request import DEFAULT_MODEL
from ...errors import InvalidRequestError, TaskFailedError
from .execution import current_session, should_wait
from .hints import join_model_words
from .options import (
    BATCH_OPTIONS,
    parse_number,
    parse_option_pairs,
    parse_options,
    validate_identifier,
    with_help,
)
from .template import fill_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...batches import Batch, PreparedBatch
    from ...core.table import Table
    from ..widgets.batch_display import BatchOutput

__all__ = ["BatchArguments", "batch_cell", "list_command", "open_command", "parse_batch_cell"]

_EXAMPLES = """\
examples:
  %%liangxin batch --seed 1-4 --aspect 1:1 --aspect 16:9 --max-tasks 60
  a cafe terrace at night
  a lake at dawn

  %liangxin batch --csv prompts.csv --dry-run
"""


@dataclass(frozen=True)
class BatchArguments:
    """Contents of a ``%%liangxin batch`` cell.

    Attributes:
        text: The lines below the option line.
        csv: Path of a CSV file; empty to use `text`.
        parameters: Arguments of `prepare` other than the prompts.
        name: Title of the batch.
        concurrency: Number of tasks in flight at once.
        max_tasks: Number of tasks that may be created; None for the default.
        dry_run: Whether only the estimate is shown.
        wait: Whether to block; None for the setting.
        raises: Whether a cell that waits fails if a task failed.
        out: Variable that receives the batch; empty for none.
        quiet: Whether nothing is shown.
    """

    text: str
    csv: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    concurrency: int = 16
    max_tasks: int | None = None
    dry_run: bool = False
    wait: bool | None = None
    raises: bool = True
    out: str = ""
    quiet: bool = False


@with_help("%%liangxin batch [MODEL ...] [options]\nPROMPT\nPROMPT\n...", BATCH_OPTIONS, _EXAMPLES)
def batch_cell(line: str, body: str) -> Any:
    """Create a task for each combination of prompts (one per line) and values.

    At the end, the results replace the live view: all pictures, and the reasons of failures.
    """
    from ...batches import MAX_TASKS, prepare, prompt_lines
    from ..widgets import shows_widgets
    from ..widgets.batch_display import confirm

    arguments = parse_batch_cell(line, body, get_ipython().user_ns)
    prompts = arguments.csv or prompt_lines(arguments.text)
    prepared = prepare(current_session(), prompts, **arguments.parameters)
    estimate = prepared.estimate
    if arguments.dry_run:
        return estimate
    exceeds_default = arguments.max_tasks is None and estimate.tasks > MAX_TASKS
    if exceeds_default and shows_widgets() and not arguments.quiet:
        confirm(estimate, lambda output: _start(prepared, arguments, estimate.tasks, output))
        return None
    batch, wait_for_display = _start(prepared, arguments, arguments.max_tasks or MAX_TASKS)
    if should_wait(arguments.wait):
        _wait(batch, wait_for_display, raises=arguments.raises)
    return None


def parse_batch_cell(line: str, body: str, variables: Mapping[str, Any]) -> BatchArguments:
    """Parse a ``%%liangxin batch`` cell.

    Args:
        line: The option line, without ``%%liangxin batch``.
        body: The text below it, one prompt per line.
        variables: The notebook's variables, for ``--image`` and ``--template``.

    Raises:
        InvalidRequestError: If an option is unknown or its value is invalid.
    """
    values, _ = parse_options(batch_cell, BATCH_OPTIONS, line)
    if values.csv and body.strip():
        raise InvalidRequestError(
            "There are prompts below and a --csv file; nothing was sent.",
            next_step="Remove one of the two.",
        )
    if values.csv and values.template:
        raise InvalidRequestError(
            "--template fills in the lines of the cell, not a --csv file; nothing was sent.",
            next_step="Leave out --template, or write the prompts below.",
        )
    columns = _parse_columns(values)
    max_tasks = values.max_tasks
    return BatchArguments(
        text=fill_template(body, variables) if values.template else body,
        csv=values.csv,
        parameters={
            "models": join_model_words(values.models) or DEFAULT_MODEL,
            "seeds": _parse_seeds(values.seed, values.n),
            "image": [variables.get(reference, reference) for reference in values.image] or None,
            "reuse": values.reuse,
            "allow_key_like": values.allow_key_like,
            "any_model": values.any_model,
            **{name: given[0] if len(given) == 1 else given for name, given in columns.items()},
        },
        name=values.name,
        concurrency=parse_number("--concurrency", values.concurrency, 1, 200),
        max_tasks=max_tasks and parse_number("--max-tasks", max_tasks, 1, 10_000),
        dry_run=values.dry_run,
        wait=values.wait,
        raises=values.raises is not False,
        out=validate_identifier(values.out),
        quiet=values.quiet,
    )


def _parse_columns(values: Namespace) -> dict[str, list[str]]:
    """Return the values of each option that may vary from column to column."""
    columns = parse_option_pairs(values.option)
    for name in ("aspect", "size"):
        given = getattr(values, name)
        if given and name in columns:
            raise InvalidRequestError(
                f"--{name} and -o {name}= exclude each other; nothing was sent."
            )
        if given:
            columns[name] = given
    return columns


def _parse_seeds(text: str | None, count: str | None) -> list[int] | int | None:
    """Return the seeds of ``--seed``, the number of random seeds of ``-n``, or None."""
    if text and count:
        raise InvalidRequestError("--seed and -n exclude each other; nothing was sent.")
    if count:
        return parse_number("-n", count, 1, 1000)
    if not text:
        return None
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,12})(?:-(\d{1,12}))?\s*", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + 1000:
            raise InvalidRequestError(
                f"--seed {text!r} is not a list of seeds; nothing was sent.",
                next_step="Write for example --seed 7, --seed 1,2,5 or --seed 1-4.",
            )
        seeds += range(first, last + 1)
    return seeds


def open_command(rest: str) -> Any:
    """Show a batch of the ledger and resume it; with ``--csv``, start a new one.

    With ``--retry`` its failed and rejected requests are sent again, as new tasks.
    """
    from ...batches import open_batch
    from ..widgets import is_interactive
    from ..widgets.batch_display import show_batch

    if not rest:
        raise InvalidRequestError(
            "%liangxin batch needs the id of a batch.", next_step="%liangxin batches lists them."
        )
    if "--csv" in rest.split():
        return batch_cell(rest, "")
    reject_keys({"The id": rest}, is_option=False)
    batch_id, *options = rest.split()
    if options not in ([], ["--retry"]):
        raise InvalidRequestError(
            f"%liangxin batch takes an id and --retry, not {options[0]!r}; nothing was sent.",
            next_step=f"%liangxin batch {batch_id} resumes the batch.",
        )
    batch = open_batch(current_session(), batch_id)
    if options and not batch.retry():
        print_text("Nothing of this batch failed or was rejected; nothing was sent again.")
    wait_for_display = show_batch(batch)
    if not is_interactive():
        _wait(batch, wait_for_display, raises=False)
    return None


def list_command(_: str) -> Table:
    """List the newest batches of the ledger."""
    from ...batches import list_batches

    return list_batches(current_session())


def _start(
    prepared: PreparedBatch,
    arguments: BatchArguments,
    max_tasks: int,
    output: BatchOutput | None = None,
) -> tuple[Batch, Callable[[], object]]:
    """Start and show a batch; also return a function that waits for its final display."""
    from ..widgets.batch_display import show_batch

    batch = prepared.start(
        name=arguments.name,
        max_tasks=max_tasks,
        concurrency=arguments.concurrency,
        option="--max-tasks ",
    )
    if arguments.out:
        get_ipython().user_ns[arguments.out] = batch
    if arguments.quiet:
        return batch, bool
    return batch, show_batch(batch, notes=batch.notes, output=output)


def _wait(batch: Batch, wait_for_display: Callable[[], object], *, raises: bool) -> None:
    """Wait for a batch; a failed task fails the cell with one line if `raises`."""
    try:
        batch.wait()
    finally:
        if not batch.progress.active:
            wait_for_display()
    if raises and batch.failures:
        first, more = batch.failures[0], len(batch.failures) - 1
        others = f" and {more} more" if more else ""
        raise TaskFailedError(
            f"Batch {batch.id}: {batch.progress.text}. {first.row}: {first.reason}{others}"
        )
