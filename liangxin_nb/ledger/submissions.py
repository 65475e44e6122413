"""Submitted jobs: recording their task ids, also late, and finding identical ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from ..core.job_record import RESUMABLE, JobRecord, JobStatus
from ..core.request import Request
from .database import EVENTS, JOBS, Database
from .mapping import append_event, from_row, to_row

__all__ = ["WORK", "find_work", "has_seed", "mark_submitting", "possible_seeds", "record_submitted"]

#: Statuses of jobs that have a result, will have one, or may have one.
WORK = (
    JobStatus.PENDING,
    JobStatus.SUBMITTING,
    JobStatus.UNCONFIRMED,
    *RESUMABLE,
    JobStatus.SAVED,
)
#: Statuses of jobs that the service may have accepted; a later status is never set back.
_BEFORE = (
    JobStatus.PENDING,
    JobStatus.SUBMITTING,
    JobStatus.UNCONFIRMED,
    JobStatus.REJECTED,
)


def mark_submitting(database: Database, record: JobRecord) -> JobRecord | None:
    """Record that a pending job is being sent.

    Returns:
        The changed record, or None if the ledger does not have it as a pending job of its owner:
        then it must not be sent.
    """
    unchanged = sa.and_(
        JOBS.c.id == record.id,
        JOBS.c.owner == record.owner,
        JOBS.c.status == JobStatus.PENDING,
    )
    with database.transaction() as db:
        changed = db.execute(JOBS.update().where(unchanged).values(status="submitting"))
        if changed.rowcount != 1:
            return None
        append_event(db, record.id, "submitting")
    return record.replace(status="submitting")


def record_submitted(database: Database, record: JobRecord) -> bool:
    """Write the task id that the service has answered; doing so again changes nothing.

    Args:
        database: The ledger.
        record: The submitted job. It is added if the ledger does not have it.

    Returns:
        Whether anything was written.
    """
    this = JOBS.c.id == record.id
    with database.transaction() as db:
        known = db.execute(sa.select(JOBS.c.task_id, JOBS.c.status).where(this)).first()
        if known is None:
            db.execute(JOBS.insert().values(**to_row(record)))
        elif known.task_id and (known.task_id != record.task_id or known.status not in _BEFORE):
            return False
        else:
            early = known.status in _BEFORE
            values = {"status": "submitted", "reason": ""} if early else {}
            db.execute(JOBS.update().where(this).values(task_id=record.task_id, **values))
        append_event(db, record.id, "submitted", record.task_id)
    return True


def find_work(
    database: Database, request: Request, profile: str, service: str, cell_id: str | None = None
) -> list[JobRecord]:
    """Return jobs of an identical request that have a result or may get one, oldest first.

    A request with a given seed is identical to one for which the same seed was drawn. Imported
    records are left out, unless the user trusts their archive.

    Args:
        database: The ledger.
        request: The request to compare with.
        profile: The service profile.
        service: The base address of the API.
        cell_id: The notebook cell that created the jobs; None for any origin.
    """
    seeds = possible_seeds(request)
    same_seed = sa.and_(JOBS.c.seed_drawn, JOBS.c.digest.in_(seeds.values()))
    query = JOBS.select().where(
        sa.or_(JOBS.c.digest == request.digest, same_seed),
        JOBS.c.profile == profile,
        JOBS.c.service == service,
        JOBS.c.status.in_(WORK),
        JOBS.c.origin != "imported",
    )
    if cell_id is not None:
        of_cell = sa.exists().where(
            EVENTS.c.job_id == JOBS.c.id, EVENTS.c.event == "pending", EVENTS.c.detail == cell_id
        )
        query = query.where(of_cell)
    with database.read_only() as db:
        rows = db.execute(query.order_by(JOBS.c.created_at)).mappings().all()
    return [
        record
        for row, record in zip(rows, map(from_row, rows), strict=True)
        if row["digest"] == request.digest or has_seed(record, row["digest"], request, seeds)
    ]


def possible_seeds(request: Request) -> dict[str, str]:
    """Return the digest without each option that can be a seed, by the name of the option."""
    names = [name for name, value in request.options.items() if str(value).isdecimal()]
    return {name: replace(request, drawn_seed=name).digest for name in names}


def has_seed(record: JobRecord, digest: str, request: Request, seeds: Mapping[str, str]) -> bool:
    """Return whether the seed that was drawn for a record is the given one of a request.

    Args:
        record: The record; its reference pictures are only described.
        digest: The digest of its request, as the ledger has it.
        request: The request to compare with.
        seeds: The digests of `possible_seeds`.
    """
    name = record.request.drawn_seed
    is_same = record.request.options.get(name) == request.options.get(name)
    return is_same and seeds.get(name) == digest
