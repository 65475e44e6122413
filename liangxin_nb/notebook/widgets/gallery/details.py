"""The details of a result: the whole prompt, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from liangxin_nb.core.formatting import format_bytes, format_duration, format_time, shorten
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.next_step import describe_next_step
from liangxin_nb.library import LibraryEntry

from ....core.state_style import SANDBOX_NOTICE
from ..theme import small_lines
from .style import state_label

__all__ = ["entry_details", "metadata_details"]

_MAX_LENGTH = 400
_MAX_PROMPT_LENGTH = 20_000
_MAX_OPTIONS = 40


def entry_details(entry: LibraryEntry) -> Markup:
    """Return the details of an entry as the ledger knows them."""
    record = entry.record
    style = state_label(record)
    state = f"{style.sign} {style.word}"
    sizes = dict.fromkeys(f"{f.width}×{f.height}" for f in entry.pictures if f.width)
    size = sum(file.bytes for file in entry.files)
    rows = [
        ("State", "The files are no longer in the folder" if entry.files_missing else state),
        ("Model", record.request.model),
        *_option_rows(record.request.options),
        ("File", " · ".join(filter(None, (", ".join(sizes), format_bytes(size) if size else "")))),
        ("Submitted", format_time(record.created_at)),
        ("Duration", _format_optional(format_duration, record.duration_s)),
        ("Credits", _format_optional("{:g}".format, record.credits)),
        ("Change", record.change),
        ("Reason", record.reason),
        ("Origin", record.origin),
        ("Next step", describe_next_step(record)),
        ("Batch", f"{record.batch_id}, task {record.batch_index + 1}" if record.batch_id else ""),
    ]
    ids = [("Task", record.task_id), ("Folder", record.folder)]
    return _details_html(record.request.prompt, rows, ids, record.profile == "sandbox")


def metadata_details(metadata: ResultMetadata) -> Markup:
    """Return the details that are embedded in a picture file."""
    rows = [
        ("Model", metadata.model),
        *_option_rows(metadata.options),
        ("Made from", ", ".join(metadata.parent_ids)),
        ("Change", metadata.change),
        ("Created", metadata.created_at[:16].replace("T", " ")),
        ("Service", metadata.service),
        ("Duration", _format_optional(format_duration, metadata.duration_s)),
        ("Credits", _format_optional("{:g}".format, metadata.credits)),
    ]
    ids = [("Task", metadata.task_id)]
    return _details_html(metadata.prompt, rows, ids, metadata.is_sandbox is True)


def _format_optional(format_value: Any, value: float | None) -> str:
    return "" if value is None else str(format_value(value))


def _option_rows(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in list(options.items())[:_MAX_OPTIONS]]


def _details_html(
    prompt: str, rows: Sequence[tuple[str, str]], ids: Sequence[tuple[str, str]], is_sandbox: bool
) -> Markup:
    items = [_item(name, value) for name, value in rows if value]
    items += [_item(name, value, "lx-id lx-small") for name, value in ids if value]
    return Markup(
        '<div class="lx-whole" tabindex="0" role="region" aria-label="Prompt">{}</div>'
        '<dl class="lx-facts">{}</dl>{}'
    ).format(
        prompt[:_MAX_PROMPT_LENGTH],
        Markup("").join(items),
        small_lines([SANDBOX_NOTICE] if is_sandbox else []),
    )


def _item(name: str, value: str, css_class: str = "") -> Markup:
    return Markup('<div><dt>{}</dt><dd class="{}">{}</dd></div>').format(
        shorten(name, _MAX_LENGTH), css_class, shorten(value, _MAX_LENGTH)
    )
