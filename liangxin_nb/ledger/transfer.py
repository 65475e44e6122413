"""Export of job records and batches from a ledger, and their import into another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from ..core.job_record import RESUMABLE
from .batches import BATCHES, BatchRecord
from .database import EVENTS, FILES, JOBS, Database
from .rows import EventRow, FileRow, JobRow, TransferRow, batch_columns

__all__ = ["export_rows", "import_batches", "import_rows"]

_IMPORTED_AS = {
    "pending": {"status": "rejected", "reason": "It was exported before it was sent."},
    "submitting": {
        "status": "unconfirmed",
        "reason": "It was exported while the request was on its way: a task may have been created.",
    },
}


def export_rows(database: Database, job_ids: Sequence[str] | None = None) -> list[TransferRow]:
    """Return job records, oldest first, from one consistent snapshot of the ledger.

    Args:
        database: The ledger.
        job_ids: The records to export; default all.
    """
    with database.read_only() as db:
        if db.dialect.name != "sqlite":  # a transaction of SQLite is a snapshot anyway
            db = db.execution_options(isolation_level="REPEATABLE READ")
        jobs = _select(db, JOBS, JOBS.c.id, job_ids, JOBS.c.created_at)
        events = _group(_select(db, EVENTS, EVENTS.c.job_id, job_ids, EVENTS.c.n))
        files = _group(_select(db, FILES, FILES.c.job_id, job_ids, FILES.c.name))
    return [
        TransferRow(
            _columns(job, JobRow),
            tuple(_columns(event, EventRow) for event in events.get(job["id"], ())),
            tuple(_columns(file, FileRow) for file in files.get(job["id"], ())),
        )
        for job in jobs
    ]


def _select(
    db: sa.Connection, table: sa.Table, id_column: Any, job_ids: Sequence[str] | None, order: Any
) -> list[Any]:
    query = table.select().order_by(order)
    if job_ids is not None:
        query = query.where(id_column.in_(job_ids))
    return list(db.execute(query).mappings())


def _group(rows: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row["job_id"], []).append(row)
    return groups


def _columns(row: Mapping[Any, Any], row_type: Any) -> Any:
    """Return a row of a table as one of the types above, without validation."""
    return row_type(**{name: row[name] for name in row_type.__struct_fields__})


def import_rows(database: Database, rows: Iterable[TransferRow]) -> list[str]:
    """Import rows, all or none.

    An existing record is changed in one case only: it can still be collected and the row holds
    its result. Then it becomes saved.

    Returns:
        For each row ``new``, ``finished`` or ``known``.
    """
    with database.transaction() as db:
        return [_import_row(db, row) for row in rows]


def _import_row(db: sa.Connection, row: TransferRow) -> str:
    job_id = row.job.id
    existing = db.execute(JOBS.select().where(JOBS.c.id == job_id)).mappings().first()
    if existing is None:
        # The exporting side may still submit it; imported copies are never submitted.
        imported = asdict(row.job) | _IMPORTED_AS.get(row.job.status, {})
        db.execute(JOBS.insert().values(**imported))
        _insert(db, EVENTS, job_id, row.events)
        _insert(db, FILES, job_id, row.files)
        return "new"
    if not _finishes(row, existing):
        return "known"
    names = ("state", "reason", "folder", "duration_s", "started_after_s", "credits")
    values = {name: value for name in names if (value := getattr(row.job, name)) not in (None, "")}
    db.execute(JOBS.update().where(JOBS.c.id == job_id).values(status="saved", **values))
    query = sa.select(EVENTS.c.created_at, EVENTS.c.event).where(EVENTS.c.job_id == job_id)
    known = {(created_at, event) for created_at, event in db.execute(query)}
    new_events = [event for event in row.events if (event.created_at, event.event) not in known]
    _insert(db, EVENTS, job_id, new_events)
    _insert(db, FILES, job_id, row.files)
    return "finished"


def _finishes(row: TransferRow, existing: Mapping[Any, Any]) -> bool:
    """Return whether a row holds the result of a record that can still be collected."""
    is_same = all(
        getattr(row.job, name) == existing[name] for name in ("task_id", "digest", "service")
    )
    is_saved = row.job.status == "saved" and bool(row.files)
    return is_same and is_saved and existing["status"] in RESUMABLE


def _insert(db: sa.Connection, table: sa.Table, job_id: str, rows: Iterable[Struct]) -> None:
    if values := [{"job_id": job_id, **asdict(row)} for row in rows]:
        db.execute(table.insert(), values)


def import_batches(database: Database, batches: Iterable[BatchRecord]) -> None:
    """Add the batches that the ledger does not have yet."""
    with database.transaction() as db:
        known = {batch_id for (batch_id,) in db.execute(sa.select(BATCHES.c.id))}
        new = {batch.id: batch for batch in batches if batch.id not in known}
        rows = [batch_columns(batch) for batch in new.values()]
        if rows:
            db.execute(BATCHES.insert(), rows)
