"""The ledger page by page: what was asked for, filtered and sorted, with its files.

Each question reads no more than it shows: a page's rows, then these rows' files.
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
    "batches",
    "count",
    "get_many",
    "models",
    "page",
]

_MAX_WORDS = 12
_T = JOBS.c
#: Ways to sort, each with the newest first among equals, so that no row is on two pages.
SORTS: dict[str, tuple[Any, ...]] = {
    "newest": (_T.created_at.desc(), _T.id),
    "oldest": (_T.created_at, _T.id),
    "prompt": (sa.func.lower(_T.prompt), _T.created_at.desc(), _T.id),
    "model": (_T.model, _T.created_at.desc(), _T.id),
}


@dataclass(frozen=True)
class Query:
    """What a page is to hold; whatever is empty or None excludes nothing.

    `text`: words that the prompt holds, in any order, or an id; `since`, `until`: unix seconds,
    the second one excluded; `statuses`: any of these; `sort`: one of `SORTS`.
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
    """A kept file as the ledger knows it; width and height in pixels, None for no picture."""

    name: str
    bytes: int
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class JobWithFiles:
    """A job record with its files, in their order."""

    record: JobRecord
    files: tuple[File, ...] = ()


def page(
    database: Database, filter: Query, *, first: int = 0, limit: int = 24
) -> list[JobWithFiles]:
    """At most `limit` rows from the one numbered `first` (from 0) on."""
    query = JOBS.select().where(*_clauses(filter)).order_by(*SORTS[filter.sort])
    return _load(database, query.limit(limit).offset(first))


def get_many(database: Database, ids: Sequence[str]) -> list[JobWithFiles]:
    """The rows of these job record ids, in this order; an id that is not there is passed over."""
    found = {row.record.id: row for row in _load(database, JOBS.select().where(_T.id.in_(ids)))}
    return [found[id] for id in ids if id in found]


def count(database: Database, filter: Query) -> int:
    """How many rows all the pages hold together."""
    with database.read_only() as db:
        query = sa.select(sa.func.count()).select_from(JOBS).where(*_clauses(filter))
        return int(db.execute(query).scalar() or 0)


def models(database: Database) -> dict[str, int]:
    """Every model that was asked, by name, and how often."""
    query = sa.select(_T.model, sa.func.count()).group_by(_T.model).order_by(_T.model)
    with database.read_only() as db:
        return {str(model): int(number) for model, number in db.execute(query)}


def batches(database: Database, *, limit: int = 100) -> list[tuple[str, float, int]]:
    """The newest batches: id, when it began in unix seconds, how many job records."""
    began = sa.func.min(_T.created_at)
    query = (
        sa.select(_T.batch_id, began, sa.func.count()).where(_T.batch_id > "").group_by(_T.batch_id)
    )
    with database.read_only() as db:
        newest = db.execute(query.order_by(began.desc()).limit(limit))
        return [(str(batch), float(at), int(number)) for batch, at, number in newest]


def _load(database: Database, query: Any) -> list[JobWithFiles]:
    with database.read_only() as db:
        records = [from_row(row) for row in db.execute(query).mappings()]
        kept = FILES.select().where(FILES.c.job_id.in_([record.id for record in records]))
        files: dict[str, list[File]] = {}
        for row in db.execute(kept).mappings() if records else ():
            file = File(row["name"], row["bytes"], row["width"], row["height"])
            files.setdefault(row["job_id"], []).append(file)
    return [JobWithFiles(t, tuple(sorted(files.get(t.id, ()), key=_file_number))) for t in records]


def _file_number(file: File) -> tuple[int, str]:
    """Files are named 1.png, 2.png, … 10.png."""
    digits = re.match(r"\d{1,9}", file.name)
    return (int(digits[0]) if digits else 0, file.name)


def _clauses(filter: Query) -> list[Any]:
    clauses: list[Any] = []
    if words := filter.text.split()[:_MAX_WORDS]:
        said = [_T.prompt.icontains(word, autoescape=True) for word in words]
        named = sa.or_(_T.id == words[0], _T.task_id == words[0])
        clauses.append(sa.or_(sa.and_(*said), named) if len(words) == 1 else sa.and_(*said))
    if filter.statuses:
        clauses.append(_T.status.in_(filter.statuses))
    clauses += [_T.model == filter.model] if filter.model else []
    clauses += [_T.batch_id == filter.batch_id] if filter.batch_id else []
    clauses += [_T.created_at >= filter.since] if filter.since is not None else []
    clauses += [_T.created_at < filter.until] if filter.until is not None else []
    return clauses
