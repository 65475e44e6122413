"""The ledger of money and work: a row per ticket, a line per change; the door to SQLAlchemy.

A row is written before createTask, so that nothing is paid for without a trace. Every change is
one transaction: SQLite with its rollback journal, `synchronous=FULL` and `BEGIN IMMEDIATE`
(a later start of the transaction loses updates between processes); other databases by URL.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .errors import InvalidRequest
from .request import Request
from .ticket import UNFINISHED, Ticket

__all__ = ["Ledger"]

VERSION = 2
#: What brings a ledger of an older version to the next one.
_MIGRATIONS = {1: "ALTER TABLE tickets ADD COLUMN owner VARCHAR(60) NOT NULL DEFAULT ''"}
_META = sa.MetaData()
_TICKETS = sa.Table(
    "tickets",
    _META,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("profile", sa.String(40), nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("options", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("fate", sa.String(20), nullable=False, index=True),
    sa.Column("state", sa.String(60), nullable=False, server_default=""),
    sa.Column("task_id", sa.String(200), nullable=False, server_default="", index=True),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("folder", sa.Text, nullable=False, server_default=""),
    sa.Column("seconds", sa.Float),
    sa.Column("credits", sa.Float),
    sa.Column("owner", sa.String(60), nullable=False, server_default=""),
)
_EVENTS = sa.Table(
    "events",
    _META,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("ticket", sa.String(16), sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("what", sa.String(60), nullable=False),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
)
_FILES = sa.Table(
    "files",
    _META,
    sa.Column("ticket", sa.String(16), sa.ForeignKey("tickets.id"), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
)
_VERSION = sa.Table("version", _META, sa.Column("number", sa.Integer, primary_key=True))


class Ledger:
    """The ledger at a file path or a database URL; safe from several threads and processes.

    Raises `InvalidRequest` when it cannot be opened or was written by a newer version.
    """

    def __init__(self, place: str | Path) -> None:
        self._engine = _engine(str(place))
        #: Where it is, for people: a database's password is left out.
        self.place = self._engine.url.database if self._is_file else repr(self._engine.url)
        try:
            self._prepare()
        except sa.exc.OperationalError as error:
            raise InvalidRequest(
                f"The ledger {self.place!r} cannot be opened ({_line(error)}); nothing was sent.",
                next_step="Choose a folder you can write to: LIANGXIN_RESULTS or LIANGXIN_LEDGER.",
            ) from None

    @property
    def _is_file(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _prepare(self) -> None:
        with self._change() as db:
            _META.create_all(db)
            number = db.execute(sa.select(_VERSION.c.number)).scalar()
            if number is None:
                db.execute(_VERSION.insert().values(number=VERSION))
                return
            if number > VERSION:
                raise InvalidRequest(
                    f"The ledger {self.place!r} has version {number}, this liangxin_nb knows "
                    f"{VERSION}.",
                    next_step="Update liangxin_nb.",
                )
            for older in range(number, VERSION):
                db.execute(sa.text(_MIGRATIONS[older]))
            db.execute(_VERSION.update().values(number=VERSION))

    @contextmanager
    def _change(self) -> Iterator[sa.Connection]:
        """One transaction, whole or not at all."""
        with self._engine.begin() as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A look at the ledger that keeps no writer waiting."""
        with self._engine.connect().execution_options(reads=True) as db:
            yield db

    def intend(self, request: Request, profile: str, service: str, owner: str = "") -> Ticket:
        """A new ticket, on disk before anything is sent."""
        ticket = Ticket.fresh(request, profile, service, owner)
        self.add(ticket)
        return ticket

    def add(self, ticket: Ticket) -> None:
        """Takes in a ticket made elsewhere."""
        with self._change() as db:
            db.execute(_TICKETS.insert().values(**_row(ticket)))
            _note(db, ticket.id, ticket.fate)

    def claim(self, ticket: Ticket, owner: str) -> Ticket | None:
        """The ticket under a new owner, or None when somebody else was quicker."""
        mine = sa.and_(_TICKETS.c.id == ticket.id, _TICKETS.c.owner == ticket.owner)
        with self._change() as db:
            changed = db.execute(_TICKETS.update().where(mine).values(owner=owner))
        return ticket.but(owner=owner) if changed.rowcount == 1 else None

    def change(self, ticket: Ticket, what: str, detail: str = "", **values: Any) -> Ticket:
        """The ticket with other values, and a line in its history that says what happened."""
        changed = ticket.but(**values)
        with self._change() as db:
            if values:
                db.execute(_TICKETS.update().where(_TICKETS.c.id == ticket.id).values(**values))
            _note(db, ticket.id, what, detail)
        return changed

    def found(self, ticket: Ticket, task_id: str) -> Ticket | None:
        """The ticket of a lost answer, accepted under the id that it turned out to have.

        None when it is settled already, or the id is another ticket's.
        """
        others = _TICKETS.alias()
        taken = sa.exists().where(others.c.task_id == task_id)
        lost = sa.and_(_TICKETS.c.id == ticket.id, _TICKETS.c.fate.in_(("sent", "unknown")))
        values = {"fate": "accepted", "task_id": task_id, "reason": ""}
        with self._change() as db:
            done = db.execute(_TICKETS.update().where(lost, ~taken).values(**values))
            if done.rowcount != 1:
                return None
            _note(db, ticket.id, "found", task_id)
        return ticket.but(**values)

    def keep(self, ticket: Ticket, folder: str, files: Sequence[Mapping[str, Any]]) -> Ticket:
        """The ticket kept: its folder and files, in the same transaction as its fate."""
        names = ("name", "bytes", "sha256", "width", "height")
        with self._change() as db:
            db.execute(_FILES.delete().where(_FILES.c.ticket == ticket.id))
            for file in files:
                row = {name: file.get(name) for name in names}
                db.execute(_FILES.insert().values(ticket=ticket.id, **row))
            kept = {"fate": "kept", "folder": folder}
            db.execute(_TICKETS.update().where(_TICKETS.c.id == ticket.id).values(**kept))
            _note(db, ticket.id, "kept", folder)
        return ticket.but(**kept)

    def find(self, id: str) -> Ticket | None:
        """The newest ticket whose id or task id this is, or begins so when only one does."""
        if not id:
            return None
        query = _TICKETS.select().order_by(_TICKETS.c.at.desc())
        exact = sa.or_(_TICKETS.c.id == id, _TICKETS.c.task_id == id)
        if found := self._tickets(query.where(exact).limit(1)):
            return found[0]
        near = self._tickets(query.where(_TICKETS.c.id.startswith(id, autoescape=True)).limit(2))
        return near[0] if len(near) == 1 else None

    def of_fate(self, *fates: str) -> list[Ticket]:
        """Every ticket of these fates, oldest first."""
        return self._tickets(
            _TICKETS.select().where(_TICKETS.c.fate.in_(fates)).order_by(_TICKETS.c.at)
        )

    def unfinished(self) -> list[Ticket]:
        """Every ticket that can still be collected, oldest first."""
        return [ticket for ticket in self.of_fate(*UNFINISHED) if ticket.task_id]

    def tickets(self, *, search: str = "", most: int | None = 50) -> list[Ticket]:
        """Tickets, unfinished ones first and then the newest; `search` looks into the prompts."""
        last = sa.case((_TICKETS.c.fate.in_(UNFINISHED), 0), else_=1)
        query = _TICKETS.select().order_by(last, _TICKETS.c.at.desc()).limit(most)
        if search:
            query = query.where(_TICKETS.c.prompt.icontains(search, autoescape=True))
        return self._tickets(query)

    def count(self) -> dict[str, int]:
        """How many tickets have each fate."""
        query = sa.select(_TICKETS.c.fate, sa.func.count()).group_by(_TICKETS.c.fate)
        with self._reading() as db:
            return {str(fate): int(number) for fate, number in db.execute(query)}

    def events(self, ticket_id: str) -> list[tuple[float, str, str]]:
        """A ticket's history: unix seconds, what happened, and the detail as it came."""
        query = sa.select(_EVENTS.c.at, _EVENTS.c.what, _EVENTS.c.detail)
        query = query.where(_EVENTS.c.ticket == ticket_id).order_by(_EVENTS.c.n)
        with self._reading() as db:
            return [(at, what, detail) for at, what, detail in db.execute(query)]

    def usual(self, model: str, profile: str, *, last: int = 20) -> float | None:
        """The median seconds of the last finished tasks of a model, or None before the third."""
        query = sa.select(_TICKETS.c.seconds).where(
            _TICKETS.c.model == model,
            _TICKETS.c.profile == profile,
            _TICKETS.c.seconds.is_not(None),
        )
        with self._reading() as db:
            newest = query.order_by(_TICKETS.c.at.desc()).limit(last)
            found = sorted(seconds for (seconds,) in db.execute(newest))
        return found[len(found) // 2] if len(found) >= 3 else None

    def _tickets(self, query: Any) -> list[Ticket]:
        with self._reading() as db:
            return [_ticket(row) for row in db.execute(query).mappings()]


def _line(error: sa.exc.OperationalError) -> str:
    return " ".join(str(error.orig).split())[:160]


def _engine(place: str) -> sa.Engine:
    if "://" in place:
        # The driver that the `team` extra installs; the plain name means another one.
        place = re.sub("^postgres(ql)?://", "postgresql+psycopg://", place)
        return sa.create_engine(place, pool_pre_ping=True)
    # No pool: a connection carried over a fork or between threads is how SQLite files get hurt.
    engine = sa.create_engine(
        f"sqlite:///{place}", poolclass=sa.NullPool, connect_args={"timeout": 30.0}
    )

    @sa.event.listens_for(engine, "connect")
    def _settled(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver must not start transactions by itself
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _note(db: sa.Connection, ticket: str, what: str, detail: str = "") -> None:
    db.execute(_EVENTS.insert().values(ticket=ticket, at=time.time(), what=what, detail=detail))


def _row(ticket: Ticket) -> dict[str, Any]:
    request = ticket.request
    return {
        "id": ticket.id,
        "at": ticket.at,
        "profile": ticket.profile,
        "service": ticket.service,
        "model": request.model,
        "prompt": request.prompt,
        "options": json.dumps(request.told, ensure_ascii=False),
        "digest": request.digest,
        "fate": ticket.fate,
        "state": ticket.state,
        "task_id": ticket.task_id,
        "owner": ticket.owner,
    }


def _ticket(row: Any) -> Ticket:
    request = Request(row["model"], row["prompt"], json.loads(row["options"]))
    names = {field.name for field in fields(Ticket)} - {"request"}
    return Ticket(request=request, **{name: row[name] for name in names})
