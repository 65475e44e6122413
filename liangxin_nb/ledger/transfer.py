"""Job records carried from one ledger to another as plain values, with their history and files.

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
from .database import EVENTS, FILES, JOBS, OLD_NAMES, OLD_STATUSES, Database
from .mapping import from_row

__all__ = ["TransferRow", "export_rows", "import_rows", "validate_row"]

_STATUSES = (
    "pending",
    "submitting",
    "submitted",
    "succeeded",
    "saved",
    "rejected",
    "unconfirmed",
    "failed",
    "result_lost",
)
#: Set by whoever holds the ledger, so not carried: an owner lives on one machine only.
_LOCAL_COLUMNS = {"jobs": {"owner"}, "events": {"n", "job_id"}, "files": {"job_id"}}
_IMPORTED_AS = {
    "pending": {"status": "rejected", "reason": "It was exported before it was sent."},
    "submitting": {
        "status": "unconfirmed",
        "reason": "It was exported while the request was on its way: a task may have been created.",
    },
}
_MAX_TEXT = 1_000_000
_MAX_NUMBER = 9e9  # seconds, credits and moments; more than that is no date


@dataclass(frozen=True)
class TransferRow:
    """One job record with its history and its files, as columns and values."""

    values: dict[str, Any]
    events: tuple[dict[str, Any], ...]
    files: tuple[dict[str, Any], ...]

    @property
    def record(self) -> JobRecord:
        """The job record, owned by no one."""
        return from_row({"owner": "", **_defaults(), **self.values})

    def to_json(self) -> str:
        """The row as one line of JSON."""
        told = {"job": self.values, "events": self.events, "files": self.files}
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: bytes) -> TransferRow:
        """The row in a line from outside; raises `ValueError` for whatever no ledger writes."""
        try:
            told = json.loads(text)
            events, files = list(told["events"]), list(told["files"])
            values = validate_row(told.get("job", told.get("ticket")), JOBS)
        except (KeyError, TypeError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError("a line of it is no job record") from error
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
        if (
            self.values["status"] not in _STATUSES
            or not self.values.get("task_id", "").isprintable()
        ):
            raise ValueError(f"job record {self.values['id']} has an unknown status")
        try:
            options = json.loads(self.values["options"])
            plain = isinstance(options, dict) and self.record is not None
        except (ValueError, RecursionError, InvalidRequestError):
            plain = False
        if not plain:
            raise ValueError(f"ticket {self.values['id']} has no readable request")


def export_rows(database: Database) -> list[TransferRow]:
    """Every job record, oldest first, all as they stood at one moment."""
    with database.read_only() as db:
        if db.dialect.name != "sqlite":  # SQLite's transactions see one moment anyway
            db = db.execution_options(isolation_level="REPEATABLE READ")
        tickets = _all(db, JOBS, JOBS.c.created_at)
        events = _by_ticket(_all(db, EVENTS, EVENTS.c.n))
        files = _by_ticket(_all(db, FILES, FILES.c.name))
    return [
        TransferRow(
            _exported_columns(ticket, JOBS),
            tuple(_exported_columns(event, EVENTS) for event in events.get(ticket["id"], ())),
            tuple(_exported_columns(file, FILES) for file in files.get(ticket["id"], ())),
        )
        for ticket in tickets
    ]


def import_rows(database: Database, rows: Iterable[TransferRow]) -> list[str]:
    """Takes rows in, all or none; for each whether it was new, finished or known.

    What stands here is never changed but for one thing: a record that still waits to be collected
    becomes kept (finished), where the row holds its result.
    """
    with database.transaction() as db:
        return [_import_row(db, row) for row in rows]


def _import_row(db: sa.Connection, row: TransferRow) -> str:
    id = row.values["id"]
    here = db.execute(JOBS.select().where(JOBS.c.id == id)).mappings().first()
    if here is None:
        # Whoever exported it may still send it: here it never is.
        settled = _IMPORTED_AS.get(row.values["status"], {})
        db.execute(JOBS.insert().values(**{**row.values, **settled}))
        _add(db, EVENTS, id, row.events)
        _add(db, FILES, id, row.files)
        return "new"
    if not _finishes(row, here):
        return "known"
    names = ("state", "folder", "duration_s", "started_after_s", "credits")
    kept = {"status": "saved"} | {n: row.values[n] for n in names if n in row.values}
    db.execute(JOBS.update().where(JOBS.c.id == id).values(**kept))
    _add(db, EVENTS, id, _new_events(db, id, row.events))
    _add(db, FILES, id, row.files)
    return "finished"


def _finishes(row: TransferRow, here: Mapping[Any, Any]) -> bool:
    same = all(row.values.get(name) == here[name] for name in ("task_id", "digest", "service"))
    return (
        same and row.values["status"] == "saved" and bool(row.files) and here["status"] in RESUMABLE
    )


def _new_events(db: sa.Connection, id: str, events: tuple[dict[str, Any], ...]) -> Any:
    """The part of a history that is not here yet."""
    query = sa.select(EVENTS.c.created_at, EVENTS.c.event).where(EVENTS.c.job_id == id)
    heard = {(at, what) for at, what in db.execute(query)}
    return tuple(event for event in events if (event["created_at"], event["event"]) not in heard)


def _add(db: sa.Connection, table: sa.Table, id: str, more: Any) -> None:
    blank = {column.name: None for column in table.c if column.nullable}
    if more:
        db.execute(table.insert(), [{**blank, "job_id": id, **values} for values in more])


def _all(db: sa.Connection, table: sa.Table, order: Any) -> list[Any]:
    return list(db.execute(table.select().order_by(order)).mappings())


def _by_ticket(found: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in found:
        groups.setdefault(row["job_id"], []).append(row)
    return groups


def _exported_columns(row: Mapping[Any, Any], table: sa.Table) -> dict[str, Any]:
    home = _LOCAL_COLUMNS.get(table.name, ())
    return {str(n): v for n, v in row.items() if v is not None and n not in home}


def _defaults() -> dict[str, Any]:
    """What a job record of an older version does not tell."""
    numbers = {c.name: 0 for c in JOBS.c if isinstance(c.type, sa.Integer)}
    texts = {c.name: "" for c in JOBS.c if isinstance(c.type, sa.String)}
    return {**texts, **numbers, "duration_s": None, "started_after_s": None, "credits": None}


def validate_row(given: Any, table: sa.Table) -> dict[str, Any]:
    """The table's columns out of values from outside; those of a newer version are passed over."""
    given = _upgraded(given, table)
    if not isinstance(given, dict):
        raise ValueError("a line of it is no job record")
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


def _upgraded(given: Any, table: sa.Table) -> Any:
    """A row of an export of format 1 under today's names; any other as it is."""
    if not isinstance(given, dict):
        return given
    names = OLD_NAMES.get(table.name, {})
    row = {names.get(name, name): value for name, value in given.items()}
    for name in ("status", "event"):
        if isinstance(row.get(name), str):
            row[name] = OLD_STATUSES.get(row[name], row[name])
    return row
