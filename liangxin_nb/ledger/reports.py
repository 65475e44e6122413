"""The ledger as a table that people and programs can read."""

from __future__ import annotations

from datetime import datetime

from ..core.job_record import JobRecord
from ..core.table import Table
from .ledger import Ledger

__all__ = ["history_table"]

_HEADINGS = (
    "when",
    "model",
    "prompt",
    "status",
    "task",
    "duration_s",
    "credits",
    "kept in or reason",
)


def history_table(ledger: Ledger, *, search: str = "", limit: int | None = None) -> Table:
    """Job records as rows, unfinished ones first and then the newest.

    `search` looks into the prompts; `limit` rows, default all. `seconds`: how long the task took at
    the service; `credits`: what the service says it cost, where it says so.
    """
    rows = [_row(record) for record in ledger.list_jobs(search=search, limit=limit)]
    empty = f"No prompt holds {search!r}." if search else "No task yet."
    return Table(_HEADINGS, rows, empty)


def _row(record: JobRecord) -> tuple[object, ...]:
    fate = (
        f"{record.status} ({record.state})"
        if record.is_resumable and record.state
        else record.status
    )
    return (
        datetime.fromtimestamp(record.created_at).astimezone(),
        record.request.model,
        record.request.prompt,
        fate,
        record.task_id or record.id,
        record.duration_s,
        record.credits,
        record.folder or record.reason,
    )
