"""What people hand to a batch, as rows: a list, a table, a CSV file, lines of text."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError

__all__ = ["PromptRow", "parse_prompts", "prompt_lines"]

_READERS = (
    "Give a list of prompts, a list of dicts, a DataFrame, or a CSV file with a prompt column."
)


@dataclass(frozen=True)
class PromptRow:
    """One row: what people call it (`row 3`, `line 7`), its prompt, and values of its own."""

    name: str
    prompt: str
    values: Mapping[str, Any]


def parse_prompts(given: Any) -> list[PromptRow]:
    """The rows of a list of prompts or dicts, of a DataFrame, or of a CSV file by its path.

    Columns are `prompt`, `model`, `seed`, `aspect`, `size`, `image` and any input of a model by
    its own name; an empty value is none. Raises `InvalidRequestError` that names the first bad row.
    """
    found = [_row(number, one) for number, one in enumerate(_items(given), 1)]
    if not found:
        raise InvalidRequestError("The batch has no prompt; nothing was sent.", next_step=_READERS)
    return found


def prompt_lines(text: str) -> list[PromptRow]:
    """One prompt for each line of a text, taken literally; blank lines are passed over."""
    numbered = enumerate(text.splitlines(), 1)
    found = [PromptRow(f"line {n}", line.strip(), {}) for n, line in numbered if line.strip()]
    if not found:
        raise InvalidRequestError(
            "The batch has no prompt; nothing was sent.", next_step="Write one prompt per line."
        )
    return found


def _items(given: Any) -> Iterable[Any]:
    if isinstance(given, Path) or (isinstance(given, str) and given.lower().endswith(".csv")):
        return _csv(Path(given).expanduser())
    if hasattr(given, "to_dicts"):  # polars
        return list(given.to_dicts())
    if hasattr(given, "columns") and hasattr(given, "to_dict"):  # pandas
        return list(given.to_dict("records"))
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        shown = repr(given)
        raise InvalidRequestError(
            f"{shown if len(shown) < 60 else shown[:57] + '…'} is no batch; nothing was sent.",
            next_step=_READERS,
        )
    return given


def _csv(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequestError(
            f"{str(path)!r} cannot be read as CSV ({error}); nothing was sent."
        ) from None
    for number, row in enumerate(found, 1):
        if None in row:
            raise InvalidRequestError(
                f"Row {number} of {path.name} has more values than there are columns; nothing "
                "was sent.",
                next_step="Put quotes around a prompt that holds a comma.",
            )
    return found


def _row(number: int, one: Any) -> PromptRow:
    name = f"row {number}"
    if isinstance(one, PromptRow):
        return one
    if isinstance(one, str):
        one = {"prompt": one}
    if not isinstance(one, Mapping):
        raise InvalidRequestError(
            f"{name.capitalize()} is neither a prompt nor a dict but {type(one).__name__}; "
            "nothing was sent.",
            next_step=_READERS,
        )
    values = {str(key).strip(): _plain(value) for key, value in one.items()}
    values = {key: value for key, value in values.items() if value is not None}
    prompt = values.pop("prompt", None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequestError(
            f"{name.capitalize()} has no prompt; nothing was sent.",
            next_step="Every row needs a value for prompt.",
        )
    return PromptRow(name, prompt, values)


def _plain(value: Any) -> Any:
    """A table's value as Python's own; None for an empty one."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a column with gaps turns its whole numbers into fractions
    return None if isinstance(value, str) and not value.strip() else value
