"""The mailbox between the server that is called and the kernels that wait: one SQLite file.

It holds no word that opens anything: of a capability and of a signature it keeps a digest, of a
call's body the task id that it names. Rollback journal, each change one transaction.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from .tokens import digest, folder, new_token

__all__ = ["FILE", "MAX_CLAIMS", "RETENTION_S", "Hint", "HintStore"]

FILE = "mailbox.sqlite"

#: Seconds for which a hint waits for a kernel; results are promised for a day at most.
RETENTION_S = 3 * 86400.0
#: Different task ids that one ticket's callers may name; more are passed over.
MAX_CLAIMS = 8
_BUSY = 5.0  # seconds to wait for another process's change
_TABLES = """
CREATE TABLE IF NOT EXISTS capabilities (
    digest TEXT PRIMARY KEY, ticket TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS hints (
    n INTEGER PRIMARY KEY AUTOINCREMENT, ticket TEXT NOT NULL, task_id TEXT NOT NULL,
    at REAL NOT NULL, UNIQUE (ticket, task_id));
CREATE TABLE IF NOT EXISTS seen (mark TEXT PRIMARY KEY, at REAL NOT NULL);
"""


class Hint(NamedTuple):
    """Somebody who held the ticket's capability named a task: `number` grows with each call."""

    number: int
    job_id: str
    task_id: str


class HintStore:
    """The mailbox in a folder made with mode 0700; safe from several threads and processes.

    `directory`: default `LIANGXIN_CALLBACKS`, else Jupyter's runtime folder. `clock`: unix seconds.
    Raises `OSError` or `sqlite3.Error` where it cannot be used.
    """

    def __init__(
        self, directory: Path | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        directory = directory or folder()
        if not directory.exists():
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
        self._file = directory / FILE
        # In a folder that somebody else made, the file at least is private.
        self._file.touch(mode=0o600)
        with self._open() as db:
            db.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A connection of its own each time: one carried over a fork is how such files get hurt.
        with closing(sqlite3.connect(self._file, timeout=_BUSY, isolation_level=None)) as db:
            yield db

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def grant(self, ticket: str, seconds: float) -> str:
        """A fresh capability for one ticket, good for that long; clears away what is old."""
        word, now = new_token(), self._clock()
        with self._change() as db:
            db.execute("DELETE FROM capabilities WHERE expires < ?", (now,))
            db.execute("DELETE FROM hints WHERE at < ?", (now - RETENTION_S,))
            db.execute(
                "INSERT INTO capabilities VALUES (?, ?, ?)", (digest(word), ticket, now + seconds)
            )
        return word

    def job_id_for(self, token: str) -> str | None:
        """The ticket that a capability is for, or None when it is unknown or too old."""
        query = "SELECT ticket FROM capabilities WHERE digest = ? AND expires >= ?"
        with self._open() as db:
            row = db.execute(query, (digest(token), self._clock())).fetchone()
        return str(row[0]) if row else None

    def open_for(self, ticket: str) -> bool:
        """Whether a ticket has a capability that is still good."""
        query = "SELECT 1 FROM capabilities WHERE ticket = ? AND expires >= ?"
        with self._open() as db:
            return db.execute(query, (ticket, self._clock())).fetchone() is not None

    def put(self, ticket: str, task_id: str, mark: str = "", memory: float = 0.0) -> bool:
        """Notes that a call for a ticket named a task; False when its signature was seen before.

        `mark`: the signature, "" for none; it is remembered for `memory` seconds.
        """
        now = self._clock()
        with self._change() as db:
            if mark:
                db.execute("DELETE FROM seen WHERE at < ?", (now - memory,))
                new = db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest(mark), now))
                if new.rowcount == 0:
                    return False
            query = "SELECT count(*) FROM hints WHERE ticket = ? AND task_id != ?"
            if db.execute(query, (ticket, task_id)).fetchone()[0] < MAX_CLAIMS:
                db.execute(
                    "INSERT OR REPLACE INTO hints (ticket, task_id, at) VALUES (?, ?, ?)",
                    (ticket, task_id, now),
                )
        return True

    def hints(self, after: int = 0, ticket: str = "") -> list[Hint]:
        """The hints after a number, in order; of all tickets, or of one."""
        query = "SELECT n, ticket, task_id FROM hints WHERE n > ? AND ? IN ('', ticket) ORDER BY n"
        with self._open() as db:
            return [Hint(*row) for row in db.execute(query, (after, ticket))]

    def forget(self, ticket: str) -> None:
        """Ends a ticket's capabilities and drops its hints: nothing is awaited any more."""
        with self._change() as db:
            db.execute("DELETE FROM capabilities WHERE ticket = ?", (ticket,))
            db.execute("DELETE FROM hints WHERE ticket = ?", (ticket,))
