"""How many tasks wait to be collected, read off the ledger's file without loading the engine."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["count_resumable"]


def count_resumable(ledger: Path) -> int:
    """The number of unfinished tasks in a ledger file; 0 where it cannot be read."""
    if not ledger.is_file():
        return 0
    # Only where there is a ledger to read: loading the extension stays light.
    import sqlite3

    from ...core.job_record import RESUMABLE

    # A ledger of an older version is only read here: it is brought up to date when it is opened.
    queries = [
        ("SELECT count(*) FROM jobs WHERE task_id != '' AND status IN (?, ?)", RESUMABLE),
        (
            "SELECT count(*) FROM tickets WHERE task_id != '' AND fate IN (?, ?)",
            ("accepted", "succeeded"),
        ),
    ]
    for query, statuses in queries:
        with suppress(sqlite3.Error), closing(_open(ledger)) as db:
            return int(db.execute(query, statuses).fetchone()[0])
    return 0


def _open(ledger: Path) -> sqlite3.Connection:
    import sqlite3

    return sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=1.0)
