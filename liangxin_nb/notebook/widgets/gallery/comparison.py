"""Some results side by side, with what differs between them marked by words and by weight."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Any

from liangxin_nb.library import LibraryEntry

from .style import format_time, state_label
from .tile import data_uri

__all__ = ["MAX_COMPARED", "comparison_table"]

#: Columns that still can be told apart.
MAX_COMPARED = 6
_MAX_VALUE_LENGTH = 1500


def comparison_table(entries: Sequence[LibraryEntry], pictures: Sequence[bytes]) -> str:
    """A table with a column for each entry; the rows that differ come first."""
    rows = [("Model", [e.record.request.model for e in entries])]
    names = dict.fromkeys(name for e in entries for name in e.record.request.options)
    rows += [
        (name, [_format_value(e.record.request.options.get(name)) for e in entries])
        for name in names
    ]
    rows += [("Took", [_seconds(e) for e in entries]), ("Size", [_size(e) for e in entries])]
    rows.sort(key=lambda row: len(set(row[1])) == 1)
    prompts = _prompts([e.record.request.prompt for e in entries])
    body = prompts + "".join(_row(name, [*map(escape, values)]) for name, values in rows)
    head = "".join(map(_head, entries, pictures))
    return (
        f'<div class="lx-compare" role="region" aria-label="Comparison" tabindex="0">'
        f'<table style="min-width:{104 + 160 * len(entries)}px">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _head(entry: LibraryEntry, picture: bytes) -> str:
    record = entry.record
    seen = state_label(record.status, record.state)
    alt = escape(record.request.prompt, quote=True)
    image = (
        f'<img alt="{alt}" src="{data_uri(picture)}">' if picture else f"{seen.sign} {seen.word}"
    )
    when = format_time(record.created_at)
    return f'<th scope="col">{image}<span class="lx-small">{when}</span></th>'


def _row(name: str, values: Sequence[str], kind: str = "") -> str:
    differs = len(set(values)) > 1
    mark = "<br>≠ differs" if differs else ""
    cells = "".join(f"<td>{value or '–'}</td>" for value in values)
    classes = " ".join(filter(None, ("lx-differs" if differs else "", kind)))
    return f'<tr class="{classes}"><th scope="row">{escape(name)}{mark}</th>{cells}</tr>'


def _prompts(prompts: Sequence[str]) -> str:
    """The prompts; words that the first one has not, and its own that the second one lacks."""
    first = prompts[0][:_MAX_VALUE_LENGTH]
    marked = [
        _mark_differences(first, (prompts[1] if len(prompts) > 1 else first)[:_MAX_VALUE_LENGTH])
    ]
    marked += [_mark_differences(text[:_MAX_VALUE_LENGTH], first) for text in prompts[1:]]
    return _row("Prompt", marked, "lx-prompts")


def _mark_differences(text: str, other: str) -> str:
    ours, theirs = _tokens(text), _tokens(other)
    blocks = SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes()
    parts = []
    for what, _, _, start, end in blocks:
        part = escape("".join(ours[start:end]))
        parts.append(f"<mark>{part}</mark>" if what != "equal" and part.strip() else part)
    return "".join(parts)


def _tokens(text: str) -> list[str]:
    """Words where a script has them, single signs where it has not."""
    return re.findall(r"[A-Za-z0-9À-ɏ'’]+|.", text, re.DOTALL)


def _format_value(value: Any) -> str:
    return "" if value is None else str(value)[:300]


def _seconds(entry: LibraryEntry) -> str:
    seconds = entry.record.duration_s
    return "" if seconds is None else f"{seconds:.0f} s"


def _size(entry: LibraryEntry) -> str:
    file = entry.pictures[0] if entry.pictures else None
    return f"{file.width}×{file.height}" if file and file.width else ""
