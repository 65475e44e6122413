"""The jobs that a job was made from, and those that were made from it.

Every query is bounded, and a job is read once: a ledger of another person may hold cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ..core.job_record import JobRecord
from ..core.request import Request
from .database import JOBS, Database
from .mapping import from_row

__all__ = [
    "MAX_PARENTS",
    "Relatives",
    "find_children",
    "find_equal",
    "find_parents",
    "find_relatives",
]

#: Parents of one job that are looked at.
MAX_PARENTS = 16
_MAX_LEVELS = 20
_MAX_LEVEL = 24  # jobs
_MAX_JOBS = 50
_MAX_EQUAL = 200  # jobs with the same prompt whose options are compared


@dataclass(frozen=True)
class Relatives:
    """The ancestors and the descendants of a job.

    Attributes:
        ancestors: The jobs that it was made from, the nearest first.
        descendants: The jobs that were made from it, the nearest first.
        is_cut_off: Whether there are more.
    """

    ancestors: tuple[JobRecord, ...]
    descendants: tuple[JobRecord, ...]
    is_cut_off: bool


def find_parents(
    database: Database, records: Sequence[JobRecord], limit: int = _MAX_LEVEL
) -> list[JobRecord]:
    """Return the jobs that some jobs were made from, oldest first; at most `limit`."""
    names = {name for record in records for name in record.parent_ids[:MAX_PARENTS]}
    if not names:
        return []
    is_parent = sa.or_(JOBS.c.id.in_(names), JOBS.c.task_id.in_(names))
    return _load(database, is_parent, limit)


def find_children(
    database: Database, records: Sequence[JobRecord], limit: int = _MAX_LEVEL
) -> list[JobRecord]:
    """Return the jobs that were made from some jobs, oldest first; at most `limit`."""
    names = {name for record in records for name in (record.id, record.task_id)}
    lines = sa.literal("\n") + JOBS.c.parent_ids + "\n"
    named = sa.or_(*(lines.contains(f"\n{name}\n", autoescape=True) for name in names))
    # The first condition is the one of an index; the second ignores case on SQLite.
    found = _load(database, sa.and_(JOBS.c.parent_ids != "", named), limit)
    return [record for record in found if names.intersection(record.parent_ids)]


def find_relatives(database: Database, record: JobRecord) -> Relatives:
    """Return the ancestors and descendants of a job, up to a limit."""
    ancestors, more_ancestors = _walk(database, record, find_parents)
    descendants, more_descendants = _walk(database, record, find_children)
    known = {ancestor.id for ancestor in ancestors}  # of a cycle, each job counts once
    descendants = [found for found in descendants if found.id not in known]
    return Relatives(tuple(ancestors), tuple(descendants), more_ancestors or more_descendants)


def find_equal(
    database: Database, request: Request, profile: str, service: str
) -> JobRecord | None:
    """Return the newest job with parents that was sent with the same prompt and options.

    A drawn seed counts as any other: a cell that repeats the request contains it.
    """
    is_equal = sa.and_(
        JOBS.c.parent_ids != "",
        JOBS.c.prompt == request.prompt,
        JOBS.c.model == request.model,
        JOBS.c.profile == profile,
        JOBS.c.service == service,
        JOBS.c.origin != "imported",
    )
    found = _load(database, is_equal, _MAX_EQUAL, newest_first=True)
    options = request.redacted_options
    return next((r for r in found if r.request.redacted_options == options), None)


_Find = Callable[[Database, Sequence[JobRecord], int], list[JobRecord]]


def _walk(database: Database, record: JobRecord, find: _Find) -> tuple[list[JobRecord], bool]:
    """Return the jobs level by level, and whether there are more."""
    known, level, is_cut_off = {record.id: record}, [record], False
    for _ in range(_MAX_LEVELS):
        found = find(database, level, _MAX_LEVEL + 1)
        is_cut_off = is_cut_off or len(found) > _MAX_LEVEL
        level = [other for other in found[:_MAX_LEVEL] if other.id not in known]
        known |= {other.id: other for other in level}
        if not level or len(known) > _MAX_JOBS:
            break
    return list(known.values())[1:], is_cut_off or bool(level)


def _load(
    database: Database, condition: sa.ColumnElement[bool], limit: int, *, newest_first: bool = False
) -> list[JobRecord]:
    time = JOBS.c.created_at.desc() if newest_first else JOBS.c.created_at
    query = JOBS.select().where(condition).order_by(time, JOBS.c.id).limit(limit)
    with database.read_only() as db:
        return [from_row(row) for row in db.execute(query).mappings()]
