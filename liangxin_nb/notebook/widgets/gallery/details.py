"""One result in words: the prompt whole, and what is known of how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.library import LibraryEntry

from ..theme import format_duration
from .style import SANDBOX, format_time, state_label

__all__ = ["entry_details", "metadata_details"]

_LONGEST = 400


def entry_details(entry: LibraryEntry) -> str:
    """What the ledger knows of an entry."""
    record = entry.record
    seen = state_label(record.status, record.state)
    sizes = [f"{f.width}×{f.height}" for f in entry.pictures if f.width]
    size = ", ".join(dict.fromkeys(sizes))
    weight = sum(file.bytes for file in entry.files)
    rows = [
        ("State", "The files are no longer in the folder" if entry.files_missing
         else f"{seen.sign} {seen.word}"),
        ("Model", record.request.model),
        *_options(record.request.options),
        ("File", " · ".join(filter(None, (size, _format_size(weight))))),
        ("Asked for", format_time(record.created_at)),
        ("Took", "" if record.duration_s is None else format_duration(record.duration_s)),
        ("Credits", "" if record.credits is None else f"{record.credits:g}"),
        ("Why", record.reason if record.status != "saved" else ""),
        ("Batch", f"{record.batch_id}, place {record.batch_index + 1}" if record.batch_id else ""),
    ]  # fmt: skip
    ids = [("Task", record.task_id), ("Folder", record.folder)]
    return _details_html(record.request.prompt, rows, ids, record.profile == "sandbox")


def metadata_details(metadata: ResultMetadata) -> str:
    """What a picture's own story tells."""
    rows = [
        ("Model", metadata.model),
        *_options(metadata.options),
        ("Made", metadata.created_at[:16].replace("T", " ")),
        ("Service", metadata.service),
        ("Took", "" if metadata.duration_s is None else format_duration(metadata.duration_s)),
        ("Credits", "" if metadata.credits is None else f"{metadata.credits:g}"),
    ]
    return _details_html(
        metadata.prompt, rows, [("Task", metadata.task_id)], metadata.is_sandbox is True
    )


def _options(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in list(options.items())[:40]]


def _details_html(
    prompt: str, rows: Sequence[tuple[str, str]], ids: Sequence[tuple[str, str]], drawn: bool
) -> str:
    facts = "".join(_row(name, said) for name, said in rows if said)
    facts += "".join(_row(name, said, "lx-id lx-small") for name, said in ids if said)
    label = f'<div class="lx-small">{SANDBOX}</div>' if drawn else ""
    whole = escape(prompt[:20_000])
    return (
        f'<div class="lx-whole" tabindex="0" role="region" aria-label="Prompt">{whole}</div>'
        f'<dl class="lx-facts">{facts}</dl>{label}'
    )


def _row(name: str, said: str, look: str = "") -> str:
    return f'<div><dt>{_shorten(name)}</dt><dd class="{look}">{_shorten(said)}</dd></div>'


def _shorten(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _format_size(size: int) -> str:
    if not size:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
