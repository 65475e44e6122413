"""The types of input values: conversion, size and description."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.request import OptionValue

__all__ = ["INPUT_TYPES", "InputType", "shorten_value"]

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class InputType:
    """One type of input values.

    Attributes:
        label: The type in error messages, such as "a whole number".
        read: Converts a value as given to the value for the API; None for another type.
        measure: The number that minimum and maximum apply to.
        range_format: Describes the limits.
        outside_format: The message for a value outside the limits.
    """

    label: str
    read: Callable[[Any], OptionValue]
    measure: Callable[[Any], float] = lambda _: 0
    range_format: str = "{}"
    outside_format: str = "{name} {value} is outside {allows}"


def shorten_value(value: Any) -> str:
    """Return a value for a message; an embedded image is truncated.

    Args:
        value: The value.
    """
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}…"


def _read_string(value: Any) -> str | None:
    """Return a text, also for a whole number: some models take the seed as text."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number or isinstance(value, str) else None


def _read_integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    return int(text) if re.fullmatch("-?[0-9]{1,30}", text) else None


def _read_number(value: Any) -> int | float | None:
    if (integer := _read_integer(value)) is not None:
        return integer
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _read_boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _BOOLEANS.get(str(value).strip().lower())


def _read_strings(value: Any) -> list[str] | None:
    """Return a list of texts; a text is split into its URLs."""
    if isinstance(value, str):
        value = _split_urls(value.strip()) or None
    if not isinstance(value, list | tuple):
        return None
    return list(value) if all(isinstance(item, str) and item.strip() for item in value) else None


def _split_urls(text: str) -> Any:
    if not text.startswith("["):
        # A URL may contain commas, a data URI always does.
        return [part for part in re.split(r",\s*(?=https?://|data:)", text) if part]
    try:
        return json.loads(text)
    except ValueError:
        return None


_LENGTH = "{name} has length {count}, allowed are {allows}"

INPUT_TYPES = {
    "string": InputType("a text", _read_string, len, "{} characters", _LENGTH),
    "integer": InputType("a whole number", _read_integer, float),
    "number": InputType("a number", _read_number, float),
    "boolean": InputType("true or false", _read_boolean),
    "strings": InputType("a list of addresses", _read_strings, len, "{} addresses", _LENGTH),
}
