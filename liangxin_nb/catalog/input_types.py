"""The kinds of values that inputs take: how each is read, measured and spoken of."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.request import Value

__all__ = ["INPUT_TYPES", "InputType", "shorten_value"]

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class InputType:
    """One kind of value. `read`: the value as the wire wants it, None for another kind's.

    `measure`: what least and most are held against; `range_format` says them, `outside_format` that
    one is broken.
    """

    label: str
    read: Callable[[Any], Value]
    measure: Callable[[Any], float] = lambda _: 0
    range_format: str = "{}"
    outside_format: str = "{name} {value} is outside {allows}"


def shorten_value(value: Any) -> str:
    """A value for a message: a picture written into an address is cut short."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}…"


def _string(value: Any) -> str | None:
    """A text; a whole number is one too, where a model wants its seed in quotes."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number or isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    return int(text) if re.fullmatch("-?[0-9]{1,30}", text) else None


def _number(value: Any) -> int | float | None:
    if (whole := _integer(value)) is not None:
        return whole
    try:
        read = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return read if read is not None and math.isfinite(read) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _TRUTH.get(str(value).strip().lower())


def _strings(value: Any) -> list[str] | None:
    """A list of texts; of a text, its addresses: after one comma another address begins."""
    if isinstance(value, str):
        value = _listed(value.strip()) or None
    if not isinstance(value, list | tuple):
        return None
    return list(value) if all(isinstance(v, str) and v.strip() for v in value) else None


def _listed(text: str) -> Any:
    if not text.startswith("["):
        # An address may hold commas, a data URI always does.
        return [part for part in re.split(r",\s*(?=https?://|data:)", text) if part]
    try:
        return json.loads(text)
    except ValueError:
        return None


_COUNT = "{name} has length {count}, allowed are {allows}"

INPUT_TYPES = {
    "string": InputType("a text", _string, len, "{} characters", _COUNT),
    "integer": InputType("a whole number", _integer, float),
    "number": InputType("a number", _number, float),
    "boolean": InputType("true or false", _boolean),
    "strings": InputType("a list of addresses", _strings, len, "{} addresses", _COUNT),
}
