"""The list of batches in the ledger."""

from __future__ import annotations

from collections import Counter

from ..core.formatting import local_datetime
from ..core.table import Table
from ..session import BaseSession
from .state import newest_records

__all__ = ["list_batches"]

_REMAINING_LABELS = {
    "pending": "not sent",
    "submitted": "to be collected",
    "succeeded": "to be collected",
    "result_lost": "result lost",
}


def list_batches(session: BaseSession, limit: int = 20) -> Table:
    """Return a table of the newest batches.

    Args:
        session: The session; its ledger is read.
        limit: Maximum number of rows.
    """
    rows = []
    for batch in session.ledger.list_batches(limit):
        newest = newest_records(session, batch).values()
        counts = Counter(str(record.status) for record in newest)
        saved = counts.pop("saved", 0)
        remaining = ", ".join(f"{n} {_REMAINING_LABELS.get(s, s)}" for s, n in counts.items())
        created = local_datetime(batch.created_at)
        rows.append((batch.id, created, batch.name, len(newest), saved, remaining))
    headings = ("batch", "created", "name", "tasks", "saved", "other")
    return Table(headings, rows, "No batch yet.")
