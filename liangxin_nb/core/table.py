"""A small table: plain text in a terminal, HTML in a notebook."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib import import_module
from typing import Any

from ..errors import LiangxinError
from .formatting import printable, shorten
from .public import public

__all__ = ["Table"]

_MAX_CELL_LENGTH = 90  # characters of a cell that are shown


@public
@dataclass(frozen=True)
class Table:
    """Rows with headings. Long texts are truncated on the screen only.

    Attributes:
        headings: One for each column; all empty for a table without headings.
        rows: The values.
        empty: The text that is shown if there are no rows.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing yet."

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.headings, row, strict=True)) for row in self.rows)

    def to_pandas(self) -> Any:
        """Return the table as a pandas DataFrame.

        Raises:
            LiangxinError: If pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            raise LiangxinError(
                "pandas is not installed.",
                next_step="pip install pandas, or use the rows: list(table).",
            ) from None
        return pandas.DataFrame(list(self.rows), columns=list(self.headings))

    def __repr__(self) -> str:
        if not self.rows:
            return printable(self.empty, multiline=True)
        lines = [list(map(_text, line)) for line in self._lines()]
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell + " " * (w - _width(cell)) for cell, w in zip(line, widths, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<div>{escape(printable(self.empty, multiline=True))}</div>"
        head = "".join(f'<th style="text-align:left">{escape(cell)}</th>' for cell in self.headings)
        head = f"<thead><tr>{head}</tr></thead>" if any(self.headings) else ""
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f"<table>{head}<tbody>{body}</tbody></table>"

    def _lines(self) -> list[Sequence[Any]]:
        return [self.headings, *self.rows] if any(self.headings) else list(self.rows)


def _text(value: Any) -> str:
    """Format a value on one line."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    text = " ".join(("" if value is None else str(value)).split())
    return shorten(text, _MAX_CELL_LENGTH)


def _cell(value: Any) -> str:
    style = "text-align:left;overflow-wrap:break-word"
    style += ";white-space:nowrap" if isinstance(value, datetime) else ""
    return f'<td style="{style}">{escape(_text(value))}</td>'


def _width(text: str) -> int:
    """Return the columns that a text takes in a terminal: Chinese and emoji take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
