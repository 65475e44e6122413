"""Values that cannot be right for any model: negative seeds, sizes of 0, NaN."""

from __future__ import annotations

import math
import re
from typing import Any

__all__ = ["is_impossible"]

#: Parts of the names of inputs with values above 0.
_POSITIVE = frozenset(
    ("n num number count images width height size resolution duration seconds fps steps").split()  # noqa: SIM905
)
#: Parts of the names of inputs that are texts, whatever they spell.
_TEXTS = frozenset({"prompt", "text", "lyrics", "title"})
_NUMBER = re.compile(r"\s*-?\d+(\.\d+)?\s*")
_PAIR = re.compile(r"\s*(-?\d+)\s*[x×*:]\s*(-?\d+)\s*")
_NOT_A_NUMBER = ("nan", "inf", "-inf", "infinity", "-infinity")


def is_impossible(name: str, value: Any, minimum: float | None = None) -> bool:
    """Return whether no model can accept a value, whatever is documented.

    Args:
        name: The input; the words in it say what its numbers mean.
        value: The value, as given or converted.
        minimum: The least known value, if that is known.
    """
    words = set(name.lower().split("_"))
    if words & _TEXTS:
        return False
    if pair := _PAIR.fullmatch(value) if isinstance(value, str) else None:
        return any(int(part) <= 0 for part in pair.groups())
    number = _to_number(value)
    if number is None:
        return False
    if not math.isfinite(number):
        return True
    if number == 0:
        return minimum != 0 and bool(words & _POSITIVE)
    is_known = minimum is not None and minimum >= 0
    return number < 0 and (is_known or "seed" in words or bool(words & _POSITIVE))


def _to_number(value: Any) -> float | None:
    """Return the number that a value is or spells; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _NOT_A_NUMBER:
        return math.nan
    return float(text) if _NUMBER.fullmatch(text) else None
