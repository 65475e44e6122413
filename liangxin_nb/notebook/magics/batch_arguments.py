"""A `%%liangxin batch` line as data."""

from __future__ import annotations

import re
from argparse import BooleanOptionalAction
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.command_line import DEFAULT_MODEL, split_line
from ...errors import InvalidRequestError
from .options import Parser, interpolate, reject_secret, validate_identifier

__all__ = ["BatchArguments", "batch_parser", "parse_batch_line"]


@dataclass(frozen=True)
class BatchArguments:
    """What a batch line asks for; `parameters` is what a draft takes besides the prompts.

    `csv`: a file's path, or empty for the text below. `wait`: True, False, or None to leave it to
    the settings. `raises`: whether a failure fails the cell that waits.
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


def parse_batch_line(line: str, body: str, names: Mapping[str, Any]) -> BatchArguments:
    """The batch for a magic line (without the word `batch`) and the text below it.

    `names` are the notebook's variables, for --image and --template. Raises `InvalidRequestError`.
    """
    reject_secret(line)
    given = batch_parser().parse_intermixed_args(split_line(line))
    if given.csv and body.strip():
        raise InvalidRequestError(
            "There are prompts below and a --csv file; nothing was sent.",
            next_step="Take one of the two out.",
        )
    options = _collect_options(given.option)
    options |= {
        name: one_or_more(values)
        for name, values in (("aspect", given.aspect), ("size", given.size))
        if values
    }
    images = [names.get(reference, reference) for reference in given.image]
    asked = {
        "models": given.models or [DEFAULT_MODEL],
        "seeds": _parse_seeds(given.seed, given.n),
        "image": images or None,
        "reuse": given.reuse,
        **options,
    }
    return BatchArguments(
        text=interpolate(body, names) if given.template else body,
        csv=given.csv,
        parameters=asked,
        name=given.name,
        concurrency=_parse_number("--concurrency", given.concurrency, 1, 200),
        max_tasks=None
        if given.max_tasks is None
        else _parse_number("--max-tasks", given.max_tasks, 1, 10_000),
        dry_run=given.dry_run,
        wait=given.wait,
        raises=given.raises,
        out=validate_identifier(given.out),
        quiet=given.quiet,
    )


def batch_parser() -> Parser:
    """The one list of what a `%%liangxin batch` line may hold."""
    made = Parser(prog="%%liangxin batch", add_help=False, allow_abbrev=False)
    add = made.add_argument
    add("models", nargs="*", metavar="MODEL", help=f"one or several (default {DEFAULT_MODEL})")
    add("--csv", metavar="FILE", default="", help="a table of prompts in place of the text below")
    add("--aspect", metavar="W:H", action="append", help="may be given several times")
    add("--size", metavar="SIZE", action="append", help="may be given several times")
    add("--seed", metavar="SEEDS", help="one seed, or several: 1,2,5 or 1-4")
    add("-n", metavar="N", help="draw N seeds for each prompt")
    add("-o", "--option", metavar="NAME=VALUE", action="append", default=[],
        help="any input of the models; the same name several times: a column of each")  # fmt: skip
    add("--image", metavar="REF", action="append", default=[], help="a reference picture for all")
    add("--name", metavar="TEXT", default="", help="what the batch is called")
    add("--max-tasks", metavar="N", help="the most tasks that may be created (default 50)")
    add("--concurrency", metavar="N", default="16", help="tasks in flight at once (default 16)")
    add(
        "--dry-run",
        action="store_true",
        help="only say how many tasks, and what is known of the cost",
    )
    add("--reuse", action="store_true", help="take identical work that is kept on this disk")
    add("--template", action="store_true", help="replace {name} in the prompts by that variable")
    add("--wait", action=BooleanOptionalAction, default=None,
        help="wait until it is done, or do not; by default only where nobody watches")  # fmt: skip
    add("--raise", dest="raises", action=BooleanOptionalAction, default=True,
        help="whether a cell that waits fails when a task failed")  # fmt: skip
    add("--out", metavar="NAME", help="keep the batch in this variable")
    add("-q", "--quiet", action="store_true", help="show nothing")
    return made


def one_or_more(values: list[str]) -> Any:
    """A value alone, or the list of several."""
    return values[0] if len(values) == 1 else values


def _collect_options(pairs: list[str]) -> dict[str, Any]:
    """-o pairs; a name given several times is a list of values."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InvalidRequestError(
                f"-o {pair!r} is not NAME=VALUE; nothing was sent.",
                next_step="Write for example -o num_inference_steps=8.",
            )
        found.setdefault(name, []).append(value)
    return {name: one_or_more(values) for name, values in found.items()}


def _parse_seeds(text: str | None, count: str | None) -> list[int] | int | None:
    if text and count:
        raise InvalidRequestError("--seed and -n exclude each other; nothing was sent.")
    if count:
        return _parse_number("-n", count, 1, 1000)
    if not text:
        return None
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,12})(?:-(\d{1,12}))?\s*", part, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < first + 1000:
            raise InvalidRequestError(
                f"--seed {text!r} is not a list of seeds; nothing was sent.",
                next_step="Write for example --seed 7, --seed 1,2,5 or --seed 1-4.",
            )
        seeds += range(first, last + 1)
    return seeds


def _parse_number(option: str, text: str, minimum: int, maximum: int) -> int:
    if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
        raise InvalidRequestError(
            f"{option} {text!r} is not a number from {minimum} to {maximum}; nothing was sent."
        )
    return int(text)
