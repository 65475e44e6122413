"""Queries for the gallery: filtered and sorted pages of jobs with their files.

Each query reads only what is shown: the rows of a page, then the files of these rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from .database import FILES, JOBS, Database
from .mapping import from_row

__all__ = [
    "SORTS",
    "File",
    "JobWithFiles",
    "Query",
    "batch_sizes",
    "count_jobs",
    "count_models",
    "get_many",
    "get_page",
]

_MAX_WORDS = 12
_C = JOBS.c
#: The sort orders. Each is total, so no row is on two pages.
SORTS: dict[str, tuple[Any, ...]] = {
    "newest": (_C.created_at.desc(), _C.id),
    "oldest": (_C.created_at, _C.id),
    "prompt": (sa.func.lower(_C.prompt), _C.created_at.desc(), _C.id),
    "model": (_C.model, _C.created_at.desc(), _C.id),
}


@dataclass(frozen=True)
class Query:
    """A filter and a sort order; an empty or None field excludes nothing.

    Attributes:
        text: Words that the prompt contains, in any order; or a job id or task id.
        model: The name of the model.
        batch_id: The id of the batch.
        statuses: The allowed statuses; `partly_saved` are those `saved` ones with missing outputs.
        since: The first allowed Unix time in seconds.
        until: The first Unix time in seconds that is excluded again.
        sort: A key of `SORTS`.
    """

    text: str = ""
    model: str = ""
    batch_id: str = ""
    statuses: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    sort: str = "newest"


@dataclass(frozen=True)
class File:
    """A saved file; width and height in pixels, None for anything but pictures and videos."""

    name: str
    bytes: int
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class JobWithFiles:
    """A job record with its files, sorted by their numbers."""

    record: JobRecord
    files: tuple[File, ...] = ()


def get_page(
    database: Database, query: Query, *, first: int = 0, limit: int = 24
) -> list[JobWithFiles]:
    """Return at most `limit` matching jobs, beginning with number `first` (from 0)."""
    select = JOBS.select().where(*_clauses(query)).order_by(*SORTS[query.sort])
    return _load(database, select.limit(limit).offset(first))


def get_many(database: Database, job_ids: Sequence[str]) -> list[JobWithFiles]:
    """Return the jobs with these ids, in this order; unknown ids are ignored."""
    rows = _load(database, JOBS.select().where(_C.id.in_(job_ids)))
    by_id = {row.record.id: row for row in rows}
    return [by_id[job_id] for job_id in job_ids if job_id in by_id]


def count_jobs(database: Database, query: Query) -> int:
    """Return how many jobs match, on all pages together."""
    with database.read_only() as db:
        select = sa.select(sa.func.count()).select_from(JOBS).where(*_clauses(query))
        return int(db.execute(select).scalar() or 0)


def count_models(database: Database) -> dict[str, int]:
    """Return how many jobs each model has, sorted by name."""
    select = sa.select(_C.model, sa.func.count()).group_by(_C.model).order_by(_C.model)
    with database.read_only() as db:
        return {str(model): int(count) for model, count in db.execute(select)}


def batch_sizes(database: Database, *, limit: int = 100) -> list[tuple[str, float, int]]:
    """Return the newest batches: id, Unix time of the first job, and number of jobs."""
    started_at = sa.func.min(_C.created_at)
    select = sa.select(_C.batch_id, started_at, sa.func.count()).where(_C.batch_id > "")
    select = select.group_by(_C.batch_id).order_by(started_at.desc()).limit(limit)
    with database.read_only() as db:
        rows = db.execute(select)
        return [(str(batch_id), float(time), int(count)) for batch_id, time, count in rows]


def _load(database: Database, select: Any) -> list[JobWithFiles]:
    with database.read_only() as db:
        records = [from_row(row) for row in db.execute(select).mappings()]
        of_these = FILES.select().where(FILES.c.job_id.in_([record.id for record in records]))
        files: dict[str, list[File]] = {}
        for row in db.execute(of_these).mappings() if records else ():
            file = File(row["name"], row["bytes"], row["width"], row["height"])
            files.setdefault(row["job_id"], []).append(file)
    return [
        JobWithFiles(record, tuple(sorted(files.get(record.id, ()), key=_file_number)))
        for record in records
    ]


def _file_number(file: File) -> tuple[int, str]:
    """Return the sort key of a file: they are named 1.png, 2.png, … 10.png."""
    digits = re.match(r"\d{1,9}", file.name)
    return (int(digits[0]) if digits else 0, file.name)


def _clauses(query: Query) -> list[Any]:
    clauses: list[Any] = []
    if words := query.text.split()[:_MAX_WORDS]:
        in_prompt = sa.and_(*(_C.prompt.icontains(word, autoescape=True) for word in words))
        is_id = sa.or_(_C.id == words[0], _C.task_id == words[0])
        clauses.append(sa.or_(in_prompt, is_id) if len(words) == 1 else in_prompt)
    if query.statuses:
        allowed = _C.status.in_(query.statuses)
        is_partial = sa.and_(_C.status == "saved", _C.reason != "")
        clauses.append(sa.or_(allowed, is_partial) if "partly_saved" in query.statuses else allowed)
    clauses += [_C.model == query.model] if query.model else []
    clauses += [_C.batch_id == query.batch_id] if query.batch_id else []
    clauses += [_C.created_at >= query.since] if query.since is not None else []
    clauses += [_C.created_at < query.until] if query.until is not None else []
    return clauses
