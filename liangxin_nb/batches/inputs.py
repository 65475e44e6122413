"""The prompts of a batch as rows: from a list, a table, a CSV file or lines of text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.key_detector import reject_keys
from ..core.foreign_file import read_foreign_text
from ..errors import InvalidRequestError

__all__ = ["PromptRow", "parse_prompts", "prompt_lines"]

_MAX_CSV_BYTES = 16_000_000
_ALLOWED = (
    "Pass a list of prompts, a list of dicts, a DataFrame, or a CSV file with a prompt column."
)


@dataclass(frozen=True)
class PromptRow:
    """One row of a batch.

    Attributes:
        name: Its name in error messages, such as `row 3` or `line 7`.
        prompt: The prompt.
        values: Options of this row.
    """

    name: str
    prompt: str
    values: Mapping[str, Any]


def parse_prompts(prompts: Any) -> list[PromptRow]:
    """Return the rows of a list of prompts or dicts, a DataFrame, or a CSV file.

    Args:
        prompts: Columns are `prompt`, `model`, `seed`, `aspect`, `size`, `image` and inputs of the
            models by their own names. Empty values are ignored.

    Raises:
        InvalidRequestError: If the first invalid row, or the input as a whole, cannot be read.
    """
    rows = [_parse_row(number, row) for number, row in enumerate(_iter_rows(prompts), 1)]
    if not rows:
        raise InvalidRequestError("The batch has no prompt; nothing was sent.", next_step=_ALLOWED)
    return rows


def prompt_lines(text: str) -> list[PromptRow]:
    """Return one row for each line of a text that is not blank. Prompts are literal.

    Raises:
        InvalidRequestError: If all lines are blank.
    """
    lines = enumerate(text.splitlines(), 1)
    rows = [PromptRow(f"line {n}", line.strip(), {}) for n, line in lines if line.strip()]
    if not rows:
        raise InvalidRequestError(
            "The batch has no prompt; nothing was sent.", next_step="Write one prompt per line."
        )
    return rows


def _iter_rows(prompts: Any) -> Iterable[Any]:
    """Return the rows of any supported input, unchecked."""
    if isinstance(prompts, Path) or (isinstance(prompts, str) and prompts.lower().endswith(".csv")):
        return _read_csv(Path(prompts).expanduser())
    if hasattr(prompts, "to_dicts"):  # polars
        return list(prompts.to_dicts())
    if hasattr(prompts, "columns") and hasattr(prompts, "to_dict"):  # pandas
        return list(prompts.to_dict("records"))
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        text = repr(prompts)
        reject_keys({"The batch": text}, is_option=False)
        raise InvalidRequestError(
            f"{text if len(text) < 60 else text[:57] + '…'} is not a batch; nothing was sent.",
            next_step=_ALLOWED,
        )
    return prompts


def _read_csv(path: Path) -> list[dict[str, Any]]:
    """Read a CSV file with a header line."""
    try:
        file = io.StringIO(read_foreign_text(path, _MAX_CSV_BYTES), newline="")
        reader = csv.DictReader(file, strict=True)
        rows = list(reader)
    except csv.Error as error:
        raise _csv_error(path, f"after line {reader.line_num}: {error}") from None
    except ValueError as error:
        raise _csv_error(path, str(error)) from None
    names = [name.strip() for name in reader.fieldnames or () if name.strip()]
    if "prompt" not in names:
        raise _csv_error(path, "it has no column prompt")
    if len(set(names)) < len(names):
        raise _csv_error(path, "two columns have one name")
    for number, row in enumerate(rows, 1):
        if None in row:
            raise InvalidRequestError(
                f"Row {number} of {path.name} has more values than there are columns; nothing "
                "was sent.",
                next_step="Put quotes around a prompt that contains a comma.",
            )
    return rows


def _csv_error(path: Path, reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{str(path)!r} cannot be read as CSV ({reason}); nothing was sent.",
        next_step="Give a CSV file in UTF-8 with the column prompt.",
    )


def _parse_row(number: int, row: Any) -> PromptRow:
    """Check one row."""
    name = f"row {number}"
    if isinstance(row, PromptRow):
        return row
    if isinstance(row, str):
        row = {"prompt": row}
    if not isinstance(row, Mapping):
        raise InvalidRequestError(
            f"{name.capitalize()} is neither a prompt nor a dict but {type(row).__name__}; "
            "nothing was sent.",
            next_step=_ALLOWED,
        )
    values = {str(key).strip(): _to_python(value) for key, value in row.items()}
    values = {key: value for key, value in values.items() if value is not None}
    prompt = values.pop("prompt", None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequestError(
            f"{name.capitalize()} has no prompt; nothing was sent.",
            next_step="Every row needs a value for prompt.",
        )
    return PromptRow(name, prompt, values)


def _to_python(value: Any) -> Any:
    """Convert a value of a table to a Python value; an empty one to None."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)  # pandas stores integers with gaps as floats
    return None if isinstance(value, str) and not value.strip() else value
