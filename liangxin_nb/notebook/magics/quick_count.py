"""How many tasks wait to be collected, read off the ledger's file without loading the engine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

__all__ = ["count_resumable"]


def count_resumable(ledger: Path) -> int:
    """The number of unfinished tasks in a ledger file; 0 where it cannot be read."""
    if not ledger.is_file():
        return 0
    # Only where there is a ledger to read: loading the extension stays light.
    import sqlite3

    from ...core.job_record import RESUMABLE

    marks = ", ".join("?" * len(RESUMABLE))
    query = f"SELECT count(*) FROM tickets WHERE task_id != '' AND fate IN ({marks})"  # noqa: S608
    try:
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=1.0)) as db:
            return int(db.execute(query, RESUMABLE).fetchone()[0])
    except sqlite3.Error:
        return 0
