"""A small table for people: plain text in a terminal, HTML in a notebook."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """Rows under headings; cells are texts. `empty`: what is said when there are no rows."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing yet."

    def __repr__(self) -> str:
        if not self.rows:
            return self.empty
        lines = [self.headings, *self.rows] if any(self.headings) else self.rows
        widths = [max(_width(line[n]) for line in lines) for n in range(len(lines[0]))]
        return "\n".join(
            "  ".join(
                cell + " " * (w - _width(cell)) for cell, w in zip(line, widths, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<div>{escape(self.empty)}</div>"
        head = (
            ""
            if not any(self.headings)
            else "".join(
                f'<th style="text-align:left">{escape(cell)}</th>' for cell in self.headings
            )
        )
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return f'<td style="text-align:left;overflow-wrap:break-word">{escape(text)}</td>'


def _width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese and emoji take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
