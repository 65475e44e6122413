"""A table that compares results; differences are marked by words and by weight."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup

from liangxin_nb.core.formatting import format_duration, format_time, shorten
from liangxin_nb.library import LibraryEntry

from ..theme import image_tag
from .style import state_label

__all__ = ["MAX_COMPARED", "comparison_table"]

#: The number of columns that are still readable.
MAX_COMPARED: int = 6
_MAX_PROMPT_LENGTH = 1500
_MAX_VALUE_LENGTH = 300


def comparison_table(entries: Sequence[LibraryEntry], pictures: Sequence[bytes]) -> Markup:
    """Return a table with a column for each entry; the rows that differ come first.

    Args:
        entries: The entries to compare.
        pictures: The thumbnail of each, or no bytes.
    """
    rows = [("Model", [entry.record.request.model for entry in entries])]
    names = dict.fromkeys(name for entry in entries for name in entry.record.request.options)
    rows += [
        (name, [_format_value(entry.record.request.options.get(name)) for entry in entries])
        for name in names
    ]
    rows += [
        ("Duration", [_format_duration(entry) for entry in entries]),
        ("Size", [_format_size(entry) for entry in entries]),
    ]
    rows.sort(key=lambda row: len(set(row[1])) == 1)
    body = _prompt_row([entry.record.request.prompt for entry in entries])
    body += Markup("").join(_row(name, values) for name, values in rows)
    return Markup(
        '<div class="lx-compare" role="region" aria-label="Comparison" tabindex="0">'
        '<table style="min-width:{}px"><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(104 + 160 * len(entries), Markup("").join(map(_heading, entries, pictures)), body)


def _heading(entry: LibraryEntry, picture: bytes) -> Markup:
    record = entry.record
    style = state_label(record)
    return Markup('<th scope="col">{}<span class="lx-small">{}</span></th>').format(
        image_tag(picture, record.request.prompt) if picture else f"{style.sign} {style.word}",
        format_time(record.created_at),
    )


def _row(name: str, values: Iterable[str], css_class: str = "") -> Markup:
    values = list(values)
    differs = len(set(values)) > 1
    return Markup('<tr class="{}"><th scope="row">{}{}</th>{}</tr>').format(
        " ".join(filter(None, ("lx-differs" if differs else "", css_class))),
        name,
        Markup("<br>≠ differs") if differs else "",
        Markup("").join(Markup("<td>{}</td>").format(value or "–") for value in values),
    )


def _prompt_row(prompts: Sequence[str]) -> Markup:
    """Return the prompts with marks: the first compared to the second, the others to the first."""
    cut = [shorten(prompt, _MAX_PROMPT_LENGTH) for prompt in prompts]
    marked = [_mark_differences(cut[0], cut[min(1, len(cut) - 1)])]
    marked += [_mark_differences(prompt, cut[0]) for prompt in cut[1:]]
    return _row("Prompt", marked, "lx-prompts")


def _mark_differences(text: str, other: str) -> Markup:
    """Return a text in which the words that the other text lacks are marked."""
    words, other_words = _tokens(text), _tokens(other)
    changes = SequenceMatcher(None, other_words, words, autojunk=False).get_opcodes()
    parts = Markup()
    for change, _, _, start, end in changes:
        part = "".join(words[start:end])
        is_marked = change != "equal" and part.strip()
        parts += Markup("<mark>{}</mark>").format(part) if is_marked else part
    return parts


def _tokens(text: str) -> list[str]:
    """Split a text into words in scripts that separate them, else into characters."""
    return re.findall(r"[A-Za-z0-9À-ɏ'’]+|.", text, re.DOTALL)


def _format_value(value: Any) -> str:
    return "" if value is None else shorten(str(value), _MAX_VALUE_LENGTH)


def _format_duration(entry: LibraryEntry) -> str:
    seconds = entry.record.duration_s
    return "" if seconds is None else format_duration(seconds)


def _format_size(entry: LibraryEntry) -> str:
    file = entry.pictures[0] if entry.pictures else None
    return f"{file.width}×{file.height}" if file and file.width else ""
