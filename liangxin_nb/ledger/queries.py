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
from .database import FILES, TICKETS, Store
from .mapping import ticket_of

__all__ = ["SORTS", "File", "Row", "Wanted", "batches", "count", "models", "page", "these"]

_MOST_WORDS = 12
_T = TICKETS.c
#: Ways to sort, each with the newest first among equals, so that no row is on two pages.
SORTS: dict[str, tuple[Any, ...]] = {
    "newest": (_T.at.desc(), _T.id),
    "oldest": (_T.at, _T.id),
    "prompt": (sa.func.lower(_T.prompt), _T.at.desc(), _T.id),
    "model": (_T.model, _T.at.desc(), _T.id),
}


@dataclass(frozen=True)
class Wanted:
    """What a page is to hold; whatever is empty or None excludes nothing.

    `text`: words that the prompt holds, in any order, or an id; `since`, `until`: unix seconds,
    the second one excluded; `fates`: any of these; `sort`: one of `SORTS`.
    """

    text: str = ""
    model: str = ""
    batch: str = ""
    fates: tuple[str, ...] = ()
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
class Row:
    """A ticket with its files, in their order."""

    ticket: JobRecord
    files: tuple[File, ...] = ()


def page(store: Store, wanted: Wanted, *, first: int = 0, most: int = 24) -> list[Row]:
    """At most `most` rows from the one numbered `first` (from 0) on."""
    query = TICKETS.select().where(*_wanted(wanted)).order_by(*SORTS[wanted.sort])
    return _rows(store, query.limit(most).offset(first))


def these(store: Store, ids: Sequence[str]) -> list[Row]:
    """The rows of these ticket ids, in this order; an id that is not there is passed over."""
    found = {row.ticket.id: row for row in _rows(store, TICKETS.select().where(_T.id.in_(ids)))}
    return [found[id] for id in ids if id in found]


def count(store: Store, wanted: Wanted) -> int:
    """How many rows all the pages hold together."""
    with store.reading() as db:
        query = sa.select(sa.func.count()).select_from(TICKETS).where(*_wanted(wanted))
        return int(db.execute(query).scalar() or 0)


def models(store: Store) -> dict[str, int]:
    """Every model that was asked, by name, and how often."""
    query = sa.select(_T.model, sa.func.count()).group_by(_T.model).order_by(_T.model)
    with store.reading() as db:
        return {str(model): int(number) for model, number in db.execute(query)}


def batches(store: Store, *, most: int = 100) -> list[tuple[str, float, int]]:
    """The newest batches: id, when it began in unix seconds, how many tickets."""
    began = sa.func.min(_T.at)
    query = sa.select(_T.batch, began, sa.func.count()).where(_T.batch > "").group_by(_T.batch)
    with store.reading() as db:
        newest = db.execute(query.order_by(began.desc()).limit(most))
        return [(str(batch), float(at), int(number)) for batch, at, number in newest]


def _rows(store: Store, query: Any) -> list[Row]:
    with store.reading() as db:
        tickets = [ticket_of(row) for row in db.execute(query).mappings()]
        kept = FILES.select().where(FILES.c.ticket.in_([ticket.id for ticket in tickets]))
        files: dict[str, list[File]] = {}
        for row in db.execute(kept).mappings() if tickets else ():
            file = File(row["name"], row["bytes"], row["width"], row["height"])
            files.setdefault(row["ticket"], []).append(file)
    return [Row(t, tuple(sorted(files.get(t.id, ()), key=_number))) for t in tickets]


def _number(file: File) -> tuple[int, str]:
    """Files are named 1.png, 2.png, … 10.png."""
    digits = re.match(r"\d{1,9}", file.name)
    return (int(digits[0]) if digits else 0, file.name)


def _wanted(wanted: Wanted) -> list[Any]:
    clauses: list[Any] = []
    if words := wanted.text.split()[:_MOST_WORDS]:
        said = [_T.prompt.icontains(word, autoescape=True) for word in words]
        named = sa.or_(_T.id == words[0], _T.task_id == words[0])
        clauses.append(sa.or_(sa.and_(*said), named) if len(words) == 1 else sa.and_(*said))
    if wanted.fates:
        clauses.append(_T.fate.in_(wanted.fates))
    clauses += [_T.model == wanted.model] if wanted.model else []
    clauses += [_T.batch == wanted.batch] if wanted.batch else []
    clauses += [_T.at >= wanted.since] if wanted.since is not None else []
    clauses += [_T.at < wanted.until] if wanted.until is not None else []
    return clauses
