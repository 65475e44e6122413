"""Options of the magics: the tables from which parsers, help and completion are built."""

from __future__ import annotations

import inspect
from argparse import BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, kwds, magic_arguments

from ...config.key_detector import reject_keys
from ...core.command_line import split_line
from ...core.request import DEFAULT_MODEL
from ...errors import InvalidRequestError
from .hints import unknown_option_error

__all__ = [
    "BATCH_OPTIONS",
    "CELL_OPTIONS",
    "asks_for_help",
    "option_flags",
    "parse_number",
    "parse_option_pairs",
    "parse_options",
    "validate_identifier",
    "with_help",
]

_Magic = TypeVar("_Magic", bound=Callable[..., Any])

_SHARED_OPTIONS: tuple[Any, ...] = (
    argument("--image", metavar="REF", action="append", default=[],
             help="Reference picture: URL, file or variable. Repeatable. Default: none."),
    argument("--template", action="store_true",
             help=r"Replace {name} and {{name}} by the variable of that name; \{ is a brace. "
             "Default: off."),
    argument("--reuse", action=BooleanOptionalAction, default=None,
             help="Return the result of identical work, if any. Default: LIANGXIN_REUSE."),
    argument("--allow-key-like", action="store_true",
             help="Send texts that look like an API key, too. Default: off."),
    argument("--any-model", action="store_true",
             help="Use a model that the catalogue does not list yet. Default: off."),
    argument("--wait", action=BooleanOptionalAction, default=None,
             help="Wait for the results. Default: LIANGXIN_WAIT, else only in headless runs."),
    argument("--out", metavar="NAME", default="",
             help="Variable for the job, the list of jobs or the batch. Default: none."),
    argument("-q", "--quiet", action="store_true", help="Show no card. Default: off."),
    argument("-h", "--help", action="store_true", help="Print this help and send nothing."),
)  # fmt: skip

#: Options of a ``%%liangxin`` line.
CELL_OPTIONS: tuple[Any, ...] = (
    argument("model", nargs="?", metavar="MODEL",
             help=f"Model name, see %%liangxin models. Default: {DEFAULT_MODEL}."),
    argument("--aspect", metavar="W:H", help="Aspect ratio, such as 16:9. Default: the model's."),
    argument("--size", metavar="SIZE", help="Size, as the model names it. Default: the model's."),
    argument("--seed", metavar="INTEGER", help="Random seed. Default: one is drawn."),
    argument("-o", "--option", metavar="NAME=VALUE", action="append", default=[],
             help="Any input of the model, by its own name. Repeatable. Default: none."),
    argument("-n", metavar="INTEGER", default="1",
             help="Number of tasks, 1 to 50; with --seed the seeds count up. Default: 1."),
    *_SHARED_OPTIONS,
)  # fmt: skip

#: Options of a ``%%liangxin batch`` line.
BATCH_OPTIONS: tuple[Any, ...] = (
    argument("models", nargs="*", metavar="MODEL",
             help=f"Model names, one column each. Default: {DEFAULT_MODEL}."),
    argument("--csv", metavar="FILE", default="",
             help="CSV file with a prompt column, instead of the lines below. Default: none."),
    argument("--aspect", metavar="W:H", action="append", default=[],
             help="Aspect ratio. Repeatable, one column each. Default: the model's."),
    argument("--size", metavar="SIZE", action="append", default=[],
             help="Size, as the model names it. Repeatable like --aspect. Default: the model's."),
    argument("--seed", metavar="SEEDS",
             help="7, 1,2,5 or 1-4: one column per seed. Default: one is drawn per task."),
    argument("-n", metavar="INTEGER",
             help="Drawn seeds per prompt, 1 to 1000, instead of --seed. Default: one."),
    argument("-o", "--option", metavar="NAME=VALUE", action="append", default=[],
             help="Any input of the models. Repeat a name for one column each. Default: none."),
    argument("--name", metavar="TEXT", default="", help="Title of the batch. Default: none."),
    argument("--max-tasks", metavar="INTEGER",
             help="Tasks that may be created without asking, 1 to 10000. Default: 50."),
    argument("--concurrency", metavar="INTEGER", default="16",
             help="Tasks in flight at once, 1 to 200. Default: 16."),
    argument("--dry-run", action="store_true",
             help="Only show the number of tasks and their known cost. Default: off."),
    argument("--raise", dest="raises", action=BooleanOptionalAction, default=None,
             help="Fail a cell that waits if a task failed. Default: --raise."),
    *_SHARED_OPTIONS,
)  # fmt: skip


def with_help(
    usage: str, options: Sequence[Any] = (), epilog: str = ""
) -> Callable[[_Magic], _Magic]:
    """Return a decorator that gives a magic its option parser and its help as the docstring.

    Args:
        usage: The synopsis, without the word "usage".
        options: A table of options, such as `CELL_OPTIONS`.
        epilog: Text below the options.
    """

    def decorate(magic: Any) -> Any:
        for option in reversed(options):
            magic = option(magic)
        settings = {
            "usage": usage.replace("%", "%%"),
            "description": inspect.getdoc(magic),
            "epilog": epilog,
            "formatter_class": partial(RawDescriptionHelpFormatter, width=80),
        }
        magic = magic_arguments()(kwds(**settings)(magic))
        magic.parser.allow_abbrev = False
        magic.parser.color = False  # Python 3.14 colours the help of a terminal session
        magic.__doc__ = magic.parser.format_help()
        return magic

    return decorate


def option_flags(options: Iterable[Any]) -> list[str]:
    """Return every flag of a table of options, in the order of the table."""
    flags: list[str] = []
    for option in options:
        flags += [flag for flag in option.args if flag.startswith("-")]
        if option.kwds.get("action") is BooleanOptionalAction:
            flags += [f"--no-{flag.removeprefix('--')}" for flag in option.args]
    return flags


def asks_for_help(line: str) -> bool:
    """Return whether a line contains ``--help`` or ``-h``, or is ``?``."""
    return line.strip() == "?" or not {"-h", "--help"}.isdisjoint(split_line(line))


def parse_options(magic: Any, options: Sequence[Any], line: str) -> tuple[Namespace, list[str]]:
    """Parse the option line of a magic, and return the words that are left.

    Args:
        magic: A function decorated by `with_help`.
        options: The table of options that it was decorated with.
        line: The text after the magic's name.

    Raises:
        InvalidRequestError: If an option is unknown or incomplete, or if the line contains an API
            key.
    """
    words = split_line(line)
    reject_keys({"The line": line}, allow_key_like="--allow-key-like" in words)
    flags = option_flags(options)
    values: Namespace
    try:
        values, unknown = magic.parser.parse_known_intermixed_args(words)
    except UsageError as error:
        raise InvalidRequestError(
            f"{error}; nothing was sent.", next_step=f"The options are {', '.join(flags)}."
        ) from None
    if option := next((word for word in unknown if word.startswith("-")), ""):
        raise unknown_option_error(option, flags)
    return values, unknown


def parse_option_pairs(pairs: Iterable[str]) -> dict[str, list[str]]:
    """Parse ``-o NAME=VALUE`` options; a name that is repeated has several values.

    Raises:
        InvalidRequestError: If a pair has no name or no equals sign.
    """
    values: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InvalidRequestError(
                f"-o {pair!r} is not NAME=VALUE; nothing was sent.",
                next_step="Write for example -o num_inference_steps=8.",
            )
        values.setdefault(name, []).append(value)
    return values


def parse_number(option: str, text: str, minimum: int, maximum: int) -> int:
    """Parse the value of a numeric option.

    Raises:
        InvalidRequestError: If it is not an integer from `minimum` to `maximum`.
    """
    if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
        raise InvalidRequestError(
            f"{option} {text!r} is not a number from {minimum} to {maximum}; nothing was sent."
        )
    return int(text)


def validate_identifier(name: str) -> str:
    """Return the value of ``--out``; raise `InvalidRequestError` if it is not a variable name."""
    if name and not name.isidentifier():
        raise InvalidRequestError(f"--out {name!r} is not a variable name; nothing was sent.")
    return name
