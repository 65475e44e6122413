"""Export of job records and batches from a ledger, and their import into another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from ..core.job_record import RESUMABLE
from .batches import BATCHES, BatchRecord
from .database import EVENTS, FILES, JOBS, Database
from .rows import EventRow, FileRow, JobRow, TransferRow, batch_columns

__all__ = ["can_finish", "export_rows", "foreign_batches", "import_batches", "import_rows"]

_ROWS_AT_ONCE = 500
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
        return _read_rows(db, job_ids)


def _read_rows(db: sa.Connection, job_ids: Sequence[str] | None) -> list[TransferRow]:
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
    """Import rows, all or none; the origin of each is what `JobRow.origin` says.

    An existing record is changed in two cases only: it can still be collected and the row holds
    its result, then it becomes saved; or the same row was imported before and is trusted now.

    Returns:
        For each row ``new``, ``finished`` or ``known``.
    """
    with database.transaction() as db:
        return [outcome for some in _split(rows) for outcome in _import_some(db, some)]


def can_finish(row: TransferRow, existing: TransferRow) -> bool:
    """Return whether a row holds the result of a record that can still be collected.

    The result of another person's archive does not finish a job of this ledger.
    """
    is_allowed = row.job.origin != "imported" or existing.job.origin == "imported"
    is_saved = row.job.status == "saved" and bool(row.files)
    return is_allowed and is_saved and existing.job.status in RESUMABLE and _is_same(row, existing)


def _is_same(row: TransferRow, existing: TransferRow) -> bool:
    """Return whether two rows describe the same task."""
    names = ("task_id", "service", "model", "prompt", "options")
    return all(getattr(row.job, name) == getattr(existing.job, name) for name in names)


def _split(rows: Iterable[TransferRow]) -> Iterator[list[TransferRow]]:
    """Split rows into lists that one statement can name, none of which has a job twice."""
    some: dict[str, TransferRow] = {}
    for row in rows:
        if len(some) == _ROWS_AT_ONCE or row.job.id in some:
            yield list(some.values())
            some = {}
        some[row.job.id] = row
    yield list(some.values())


def _import_some(db: sa.Connection, rows: list[TransferRow]) -> list[str]:
    known = {row.job.id: row for row in _read_rows(db, [row.job.id for row in rows])}
    new = [row for row in rows if row.job.id not in known]
    # The exporting side may still submit it; imported copies are never submitted.
    jobs = [asdict(row.job) | _IMPORTED_AS.get(row.job.status, {}) for row in new]
    if jobs:
        db.execute(JOBS.insert(), jobs)
    _insert(db, EVENTS, [(row.job.id, event) for row in new for event in row.events])
    _insert(db, FILES, [(row.job.id, file) for row in new for file in row.files])
    return [
        _change_row(db, row, known[row.job.id]) if row.job.id in known else "new" for row in rows
    ]


def _change_row(db: sa.Connection, row: TransferRow, existing: TransferRow) -> str:
    job_id, is_finished = row.job.id, can_finish(row, existing)
    values = _result_columns(row, existing) if is_finished else {}
    if row.job.origin == "trusted" and existing.job.origin == "imported":
        is_known = is_finished or (_is_same(row, existing) and row.files == existing.files)
        values |= {"origin": "trusted", "digest": row.job.digest} if is_known else {}
    if is_finished:
        new_events = [event for event in row.events if event not in existing.events]
        _insert(db, EVENTS, [(job_id, event) for event in new_events])
        _insert(db, FILES, [(job_id, file) for file in row.files])
    if values:
        db.execute(JOBS.update().where(JOBS.c.id == job_id).values(values))
    return "finished" if is_finished else "known"


def _result_columns(row: TransferRow, existing: TransferRow) -> dict[str, Any]:
    """Return the columns of a finished job; an archive changes no limit and no estimate."""
    names = ["state", "reason", "folder"]
    if row.job.origin == existing.job.origin:
        names += ["duration_s", "started_after_s", "credits"]
    values = {name: getattr(row.job, name) for name in names}
    changed = {name: value for name, value in values.items() if value not in (None, "")}
    return {"status": "saved", **changed}


def _insert(db: sa.Connection, table: sa.Table, rows: Iterable[tuple[str, Struct]]) -> None:
    if values := [{"job_id": job_id, **asdict(row)} for job_id, row in rows]:
        db.execute(table.insert(), values)


def foreign_batches(database: Database) -> set[str]:
    """Return the ids of the batches of this ledger that no archive may add jobs to."""
    imported = sa.select(JOBS.c.batch_id).where(JOBS.c.origin == "imported")
    with database.read_only() as db:
        own = sa.select(BATCHES.c.id).where(BATCHES.c.id.not_in(imported))
        return set(db.scalars(own))


def import_batches(database: Database, batches: Iterable[BatchRecord]) -> None:
    """Add the batches that the ledger does not have yet."""
    with database.transaction() as db:
        known = {batch_id for (batch_id,) in db.execute(sa.select(BATCHES.c.id))}
        new = {batch.id: batch for batch in batches if batch.id not in known}
        rows = [batch_columns(batch) for batch in new.values()]
        if rows:
            db.execute(BATCHES.insert(), rows)
