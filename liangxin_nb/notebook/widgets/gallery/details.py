"""One result in words: the prompt whole, and what is known of how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.library import Entry

from ..theme import span
from .style import SANDBOX, fate, when

__all__ = ["of_entry", "of_story"]

_LONGEST = 400


def of_entry(entry: Entry) -> str:
    """What the ledger knows of an entry."""
    ticket = entry.ticket
    seen = fate(ticket.fate, ticket.state)
    sizes = [f"{f.width}×{f.height}" for f in entry.pictures if f.width]
    size = ", ".join(dict.fromkeys(sizes))
    weight = sum(file.bytes for file in entry.files)
    rows = [
        ("State", "The files are no longer in the folder" if entry.gone
         else f"{seen.sign} {seen.word}"),
        ("Model", ticket.request.model),
        *_options(ticket.request.options),
        ("File", " · ".join(filter(None, (size, _weight(weight))))),
        ("Asked for", when(ticket.at)),
        ("Took", "" if ticket.seconds is None else span(ticket.seconds)),
        ("Credits", "" if ticket.credits is None else f"{ticket.credits:g}"),
        ("Why", ticket.reason if ticket.fate != "kept" else ""),
        ("Batch", f"{ticket.batch}, place {ticket.place + 1}" if ticket.batch else ""),
    ]  # fmt: skip
    ids = [("Task", ticket.task_id), ("Folder", ticket.folder)]
    return _told(ticket.request.prompt, rows, ids, ticket.profile == "sandbox")


def of_story(story: ResultMetadata) -> str:
    """What a picture's own story tells."""
    rows = [
        ("Model", story.model),
        *_options(story.options),
        ("Made", story.made[:16].replace("T", " ")),
        ("Service", story.service),
        ("Took", "" if story.seconds is None else span(story.seconds)),
        ("Credits", "" if story.credits is None else f"{story.credits:g}"),
    ]
    return _told(story.prompt, rows, [("Task", story.task_id)], story.drawing is True)


def _options(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in list(options.items())[:40]]


def _told(
    prompt: str, rows: Sequence[tuple[str, str]], ids: Sequence[tuple[str, str]], drawn: bool
) -> str:
    facts = "".join(_pair(name, said) for name, said in rows if said)
    facts += "".join(_pair(name, said, "lx-id lx-small") for name, said in ids if said)
    label = f'<div class="lx-small">{SANDBOX}</div>' if drawn else ""
    whole = escape(prompt[:20_000])
    return (
        f'<div class="lx-whole" tabindex="0" role="region" aria-label="Prompt">{whole}</div>'
        f'<dl class="lx-facts">{facts}</dl>{label}'
    )


def _pair(name: str, said: str, look: str = "") -> str:
    return f'<div><dt>{_cut(name)}</dt><dd class="{look}">{_cut(said)}</dd></div>'


def _cut(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _weight(size: int) -> str:
    if not size:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
