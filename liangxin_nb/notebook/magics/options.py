"""A %%liangxin cell as data: what its first line asks for, and the prompt below, untouched."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ...config.credentials import looks_like_key
from ...core.command_line import DEFAULT_MODEL, split_line
from ...errors import InvalidRequestError

__all__ = [
    "CellArguments",
    "Parser",
    "flags",
    "interpolate",
    "parse_cell",
    "parser",
    "reject_secret",
    "validate_identifier",
]  # fmt: skip


_MAX_COUNT = 50


_NAME = r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})"


@dataclass(frozen=True)
class CellArguments:
    """What one %%liangxin cell asks for.

    `common_options` holds aspect, size and seed (None where not given), `options` the -o pairs as
    typed. `images`: references as typed, or the variables that they name. `wait`: True, False, or
    None to leave it to the settings.
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
    reuse: bool = False


def parse_cell(line: str, body: str, names: Mapping[str, Any]) -> CellArguments:
    """The cell for a magic line and the text below it.

    `names` are the notebook's variables, used for --image and where --template asks for it. Raises
    `InvalidRequestError` for an option that does not exist or cannot be read.
    """
    reject_secret(line)
    given = parser().parse_args(split_line(line))
    prompt = body.strip("\r\n")
    return CellArguments(
        prompt=interpolate(prompt, names) if given.template else prompt,
        model=given.model or DEFAULT_MODEL,
        common_options={"aspect": given.aspect, "size": given.size, "seed": given.seed},
        options=_parse_pairs(given.option),
        images=tuple(names.get(reference, reference) for reference in given.image),
        count=_parse_count(given.n),
        wait=given.wait,
        out=validate_identifier(given.out),
        quiet=given.quiet,
        reuse=given.reuse,
    )


def reject_secret(line: str) -> None:
    """Raises `InvalidRequestError` for a line that holds what looks like a key."""
    if looks_like_key(line):
        raise InvalidRequestError(
            "The line holds something that looks like a key; a notebook is no place for one. "
            "Nothing was sent.",
            next_step="Take it out, then set LIANGXIN_API_KEY or run %liangxin key.",
        )


class Parser(argparse.ArgumentParser):
    """A parser of a magic's line: what is wrong with it is said in one line."""

    def error(self, message: str) -> NoReturn:
        """Raises `InvalidRequestError`."""
        raise InvalidRequestError(
            f"{message}; nothing was sent.", next_step=f"The options are {', '.join(flags(self))}."
        )


def parser() -> argparse.ArgumentParser:
    """The one list of what a %%liangxin line may hold; help and completion are made from it."""
    made = Parser(prog="%%liangxin", add_help=False, allow_abbrev=False)
    add = made.add_argument
    add("model", nargs="?", metavar="MODEL", help=f"a model's name (default {DEFAULT_MODEL})")
    add("--aspect", metavar="W:H", help="the picture's shape, such as 16:9")
    add("--size", metavar="SIZE", help="the picture's size, in the model's own words")
    add("--seed", metavar="NUMBER", help="the same seed aims at the same picture")
    add("-o", "--option", metavar="NAME=VALUE", action="append", default=[],
        help="any input of the model by its own name; may be given several times")  # fmt: skip
    add("--image", metavar="REF", action="append", default=[],
        help="a reference picture: a URL, a file or a variable; several are allowed")  # fmt: skip
    add("-n", metavar="N", default="1",
        help="how many pictures: one task each; with --seed the seeds count up")  # fmt: skip
    add("--wait", action=argparse.BooleanOptionalAction, default=None,
        help="wait until it is done, or do not; by default only where nobody watches")  # fmt: skip
    add("--template", action="store_true", help="replace {name} in the prompt by that variable")
    add("--out", metavar="NAME", help="keep the job (or the list of jobs) in this variable")
    add("--reuse", action="store_true",
        help="take identical work that is kept on this disk in place of a new task")  # fmt: skip
    add("-q", "--quiet", action="store_true", help="show no card")
    return made


def flags(of: argparse.ArgumentParser | None = None) -> list[str]:
    """Every option of a %%liangxin line (or of another parser's), as it is typed."""
    # argparse keeps the list nowhere else.
    return [flag for action in (of or parser())._actions for flag in action.option_strings]


def _parse_pairs(given: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InvalidRequestError(
                f"-o {pair!r} is not NAME=VALUE; nothing was sent.",
                next_step="Write for example -o num_inference_steps=8.",
            )
        if name in pairs:
            raise InvalidRequestError(f"-o {name} is given twice; nothing was sent.")
        pairs[name] = value
    return pairs


def _parse_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_COUNT):
        raise InvalidRequestError(
            f"-n {text!r} is not a number from 1 to {_MAX_COUNT}; nothing was sent."
        )
    return int(text)


def validate_identifier(name: str | None) -> str:
    """What follows --out, if it is a variable's name; raises `InvalidRequestError`."""
    if name and not name.isidentifier():
        raise InvalidRequestError(f"--out {name!r} is not a variable's name; nothing was sent.")
    return name or ""


def interpolate(prompt: str, names: Mapping[str, Any]) -> str:
    """The prompt with every {name} replaced; all other braces and dollars stay."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in names:
            raise InvalidRequestError(
                f"--template found {match[0]} but no variable {match[1]!r}; nothing was sent."
            )
        return str(names[match[1]])

    return re.sub(_NAME, value, prompt)
