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
    """Tickets as rows, unfinished ones first and then the newest.

    `search` looks into the prompts; `limit` rows, default all. `seconds`: how long the task took at
    the service; `credits`: what the service says it cost, where it says so.
    """
    rows = [_row(ticket) for ticket in ledger.list_jobs(search=search, limit=limit)]
    empty = f"No prompt holds {search!r}." if search else "No task yet."
    return Table(_HEADINGS, rows, empty)


def _row(ticket: JobRecord) -> tuple[object, ...]:
    fate = (
        f"{ticket.status} ({ticket.state})"
        if ticket.is_resumable and ticket.state
        else ticket.status
    )
    return (
        datetime.fromtimestamp(ticket.created_at).astimezone(),
        ticket.request.model,
        ticket.request.prompt,
        fate,
        ticket.task_id or ticket.id,
        ticket.duration_s,
        ticket.credits,
        ticket.folder or ticket.reason,
    )
