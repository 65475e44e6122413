"""Tickets carried from one ledger to another as plain values, with their history and files.

What comes in may have been written by anybody: every value is checked before any is taken.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..core.job_record import RESUMABLE, JobRecord
from ..errors import InvalidRequestError
from .database import EVENTS, FILES, TICKETS, Database
from .mapping import from_row

__all__ = ["TransferRow", "export_rows", "import_rows", "validate_row"]

_STATUSES = (
    "intent",
    "sent",
    "accepted",
    "succeeded",
    "kept",
    "refused",
    "unknown",
    "failed",
    "lost",
)
#: Set by whoever holds the ledger, so not carried: an owner lives on one machine only.
_LOCAL_COLUMNS = {"tickets": {"owner"}, "events": {"n", "ticket"}, "files": {"ticket"}}
_IMPORTED_AS = {
    "intent": {"fate": "refused", "reason": "It was exported before it was sent."},
    "sent": {
        "fate": "unknown",
        "reason": "It was exported while the request was on its way: a task may have been created.",
    },
}
_MAX_TEXT = 1_000_000
_MAX_NUMBER = 9e9  # seconds, credits and moments; more than that is no date


@dataclass(frozen=True)
class TransferRow:
    """One ticket with its history and its files, as columns and values."""

    values: dict[str, Any]
    events: tuple[dict[str, Any], ...]
    files: tuple[dict[str, Any], ...]

    @property
    def record(self) -> JobRecord:
        """The ticket, owned by nobody."""
        return from_row({"owner": "", **_defaults(), **self.values})

    def to_json(self) -> str:
        """The row as one line of JSON."""
        told = {"ticket": self.values, "events": self.events, "files": self.files}
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: bytes) -> TransferRow:
        """The row in a line from outside; raises `ValueError` for whatever no ledger writes."""
        try:
            told = json.loads(text)
            events, files = list(told["events"]), list(told["files"])
            values = validate_row(told["ticket"], TICKETS)
        except (KeyError, TypeError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError("a line of it is no ticket") from error
        row = cls(
            values,
            tuple(validate_row(event, EVENTS) for event in events),
            tuple(validate_row(file, FILES) for file in files),
        )
        row._validate()
        return row

    def _validate(self) -> None:
        """What the columns' types do not say."""
        for name, shape in (("id", "[0-9a-f]{1,16}"), ("digest", "[0-9a-f]{64}")):
            if not re.fullmatch(shape, self.values[name]):
                raise ValueError(f"a ticket's {name} is none")
        if self.values["fate"] not in _STATUSES or not self.values.get("task_id", "").isprintable():
            raise ValueError(f"ticket {self.values['id']} has no known fate")
        try:
            options = json.loads(self.values["options"])
            plain = isinstance(options, dict) and self.record is not None
        except (ValueError, RecursionError, InvalidRequestError):
            plain = False
        if not plain:
            raise ValueError(f"ticket {self.values['id']} has no readable request")


def export_rows(store: Database) -> list[TransferRow]:
    """Every ticket, oldest first, all as they stood at one moment."""
    with store.read_only() as db:
        if db.dialect.name != "sqlite":  # SQLite's transactions see one moment anyway
            db = db.execution_options(isolation_level="REPEATABLE READ")
        tickets = _all(db, TICKETS, TICKETS.c.at)
        events = _by_ticket(_all(db, EVENTS, EVENTS.c.n))
        files = _by_ticket(_all(db, FILES, FILES.c.name))
    return [
        TransferRow(
            _exported_columns(ticket, TICKETS),
            tuple(_exported_columns(event, EVENTS) for event in events.get(ticket["id"], ())),
            tuple(_exported_columns(file, FILES) for file in files.get(ticket["id"], ())),
        )
        for ticket in tickets
    ]


def import_rows(store: Database, rows: Iterable[TransferRow]) -> list[str]:
    """Takes rows in, all or none; for each whether it was new, finished or known.

    What stands here is never changed but for one thing: a ticket that still waits to be collected
    becomes kept (finished), where the row holds its result.
    """
    with store.transaction() as db:
        return [_import_row(db, row) for row in rows]


def _import_row(db: sa.Connection, row: TransferRow) -> str:
    id = row.values["id"]
    here = db.execute(TICKETS.select().where(TICKETS.c.id == id)).mappings().first()
    if here is None:
        # Whoever exported it may still send it: here it never is.
        settled = _IMPORTED_AS.get(row.values["fate"], {})
        db.execute(TICKETS.insert().values(**{**row.values, **settled}))
        _add(db, EVENTS, id, row.events)
        _add(db, FILES, id, row.files)
        return "new"
    if not _finishes(row, here):
        return "known"
    names = ("state", "folder", "seconds", "began", "credits")
    kept = {"fate": "kept"} | {n: row.values[n] for n in names if n in row.values}
    db.execute(TICKETS.update().where(TICKETS.c.id == id).values(**kept))
    _add(db, EVENTS, id, _new_events(db, id, row.events))
    _add(db, FILES, id, row.files)
    return "finished"


def _finishes(row: TransferRow, here: Mapping[Any, Any]) -> bool:
    same = all(row.values.get(name) == here[name] for name in ("task_id", "digest", "service"))
    return same and row.values["fate"] == "kept" and bool(row.files) and here["fate"] in RESUMABLE


def _new_events(db: sa.Connection, id: str, events: tuple[dict[str, Any], ...]) -> Any:
    """The part of a history that is not here yet."""
    query = sa.select(EVENTS.c.at, EVENTS.c.what).where(EVENTS.c.ticket == id)
    heard = {(at, what) for at, what in db.execute(query)}
    return tuple(event for event in events if (event["at"], event["what"]) not in heard)


def _add(db: sa.Connection, table: sa.Table, id: str, more: Any) -> None:
    blank = {column.name: None for column in table.c if column.nullable}
    if more:
        db.execute(table.insert(), [{**blank, "ticket": id, **values} for values in more])


def _all(db: sa.Connection, table: sa.Table, order: Any) -> list[Any]:
    return list(db.execute(table.select().order_by(order)).mappings())


def _by_ticket(found: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in found:
        groups.setdefault(row["ticket"], []).append(row)
    return groups


def _exported_columns(row: Mapping[Any, Any], table: sa.Table) -> dict[str, Any]:
    home = _LOCAL_COLUMNS.get(table.name, ())
    return {str(n): v for n, v in row.items() if v is not None and n not in home}


def _defaults() -> dict[str, Any]:
    """What a ticket of an older version does not tell."""
    numbers = {c.name: 0 for c in TICKETS.c if isinstance(c.type, sa.Integer)}
    texts = {c.name: "" for c in TICKETS.c if isinstance(c.type, sa.String)}
    return {**texts, **numbers, "seconds": None, "began": None, "credits": None}


def validate_row(given: Any, table: sa.Table) -> dict[str, Any]:
    """The table's columns out of values from outside; those of a newer version are passed over."""
    if not isinstance(given, dict):
        raise ValueError("a line of it is no ticket")
    values = {}
    for column in table.c:
        if column.name in _LOCAL_COLUMNS.get(table.name, ()):
            continue
        if (value := given.get(column.name)) is not None:
            if not _has_type(value, column.type):
                raise ValueError(f"{table.name}.{column.name} holds {str(value)[:40]!r}")
            values[column.name] = value
        elif not column.nullable and column.server_default is None:
            raise ValueError(f"{table.name}.{column.name} is missing")
    return values


def _has_type(value: Any, kind: Any) -> bool:
    if isinstance(kind, sa.String):
        return isinstance(value, str) and _storable(value, kind.length or _MAX_TEXT)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    whole = isinstance(value, int) or not isinstance(kind, sa.Integer)
    return whole and math.isfinite(value) and 0 <= value <= _MAX_NUMBER


def _storable(text: str, max_length: int) -> bool:
    """No database takes half a character, and PostgreSQL no NUL."""
    half = any("\ud800" <= c <= "\udfff" for c in text)
    return len(text) <= max_length and "\0" not in text and not half
