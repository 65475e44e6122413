"""Hints from callbacks, stored for the kernels that wait for them: one SQLite file.

The file holds no secrets: of a callback token and of a signature it stores a digest, and of a
request's body the task id. It uses a rollback journal; each change is one transaction.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from .._forks import SQLITE_USE
from ..config.private_files import create_folder
from ..errors import InvalidRequestError
from .tokens import digest, folder, new_token

__all__ = ["FILE", "MAX_CLAIMS", "RETENTION_S", "Hint", "HintStore", "to_store_error"]

FILE = "hints.sqlite"

#: Seconds for which a hint is stored; the services store results for a day at least.
RETENTION_S = 3 * 86400.0
#: The maximum number of different task ids that callbacks can name for one job.
MAX_CLAIMS = 8
_BUSY_TIMEOUT_S = 5.0  # seconds to wait for another process's transaction
_VERSION = 2
_OLD_TABLES = ("capabilities", "seen", "callback_tokens", "hints", "signatures")
_TABLES = (
    "callback_tokens (token TEXT PRIMARY KEY, job_id TEXT NOT NULL, expires_at REAL NOT NULL)",
    "hints (number INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL, "
    "task_id TEXT NOT NULL, created_at REAL NOT NULL, UNIQUE (job_id, task_id))",
    "signatures (signature TEXT PRIMARY KEY, created_at REAL NOT NULL)",
)


class Hint(NamedTuple):
    """A callback for a job has named a task.

    Attributes:
        number: Increases with each callback.
        job_id: The job of the callback token.
        task_id: The task that the callback named.
    """

    number: int
    job_id: str
    task_id: str


class HintStore:
    """The hints in a folder; safe from several threads and processes."""

    def __init__(
        self, directory: Path | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Open or create the store.

        A file of another schema version is emptied, since hints are short-lived.

        Args:
            directory: The folder, created with mode 0700; default `LIANGXIN_CALLBACKS`, or a
                folder in Jupyter's runtime folder.
            clock: Returns Unix time in seconds.

        Raises:
            OSError: If the folder cannot be used.
            sqlite3.Error: If the file cannot be used.
        """
        self._clock = clock
        directory = directory or folder()
        create_folder(directory)
        self._file = directory / FILE
        # The folder may exist and be readable for others; the file is private.
        self._file.touch(mode=0o600)
        with self._connect() as db:
            version = _read_version(db)
        if version != _VERSION:
            with self._transaction() as db:
                _create_tables(db)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        # One connection per call: a connection that is used after a fork can damage the file.
        with (
            SQLITE_USE.during(),
            closing(
                sqlite3.connect(self._file, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            ) as db,
        ):
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def issue_token(self, job_id: str, seconds: float) -> str:
        """Create a callback token, and delete expired tokens and hints.

        Args:
            job_id: The job that the token is for.
            seconds: How long the token is valid.

        Returns:
            The token; only its digest is stored.
        """
        token, now = new_token(), self._clock()
        with self._transaction() as db:
            db.execute("DELETE FROM callback_tokens WHERE expires_at < ?", (now,))
            db.execute("DELETE FROM hints WHERE created_at < ?", (now - RETENTION_S,))
            db.execute(
                "INSERT INTO callback_tokens VALUES (?, ?, ?)",
                (digest(token), job_id, now + seconds),
            )
        return token

    def find_job_id(self, token: str) -> str | None:
        """Return the job of a callback token; None if the token is unknown or expired."""
        query = "SELECT job_id FROM callback_tokens WHERE token = ? AND expires_at >= ?"
        with self._connect() as db:
            row = db.execute(query, (digest(token), self._clock())).fetchone()
        return str(row[0]) if row else None

    def has_valid_token(self, job_id: str) -> bool:
        """Return whether a job has a callback token that is not expired."""
        query = "SELECT 1 FROM callback_tokens WHERE job_id = ? AND expires_at >= ?"
        with self._connect() as db:
            return db.execute(query, (job_id, self._clock())).fetchone() is not None

    def add_hint(
        self, job_id: str, task_id: str, signature: str = "", remember_s: float = 0.0
    ) -> bool:
        """Store that a callback for a job has named a task.

        Args:
            job_id: The job of the callback token.
            task_id: The task that the callback named.
            signature: The callback's signature, if any.
            remember_s: Seconds for which the signature cannot be used again.

        Returns:
            False if the signature was used before; nothing is stored then.
        """
        now = self._clock()
        with self._transaction() as db:
            if signature:
                db.execute("DELETE FROM signatures WHERE created_at < ?", (now - remember_s,))
                inserted = db.execute(
                    "INSERT OR IGNORE INTO signatures VALUES (?, ?)", (digest(signature), now)
                )
                if inserted.rowcount == 0:
                    return False
            query = "SELECT count(*) FROM hints WHERE job_id = ? AND task_id != ?"
            if db.execute(query, (job_id, task_id)).fetchone()[0] < MAX_CLAIMS:
                db.execute(
                    "INSERT OR REPLACE INTO hints (job_id, task_id, created_at) VALUES (?, ?, ?)",
                    (job_id, task_id, now),
                )
        return True

    def list_hints(self, after: int = 0, job_id: str = "") -> list[Hint]:
        """Return hints in order.

        Args:
            after: Only hints with a higher number.
            job_id: Only hints of this job, if given.
        """
        query = (
            "SELECT number, job_id, task_id FROM hints "
            "WHERE number > ? AND ? IN ('', job_id) ORDER BY number"
        )
        with self._connect() as db:
            return [Hint(*row) for row in db.execute(query, (after, job_id))]

    def delete(self, job_id: str) -> None:
        """Delete the callback tokens and hints of a job."""
        with self._transaction() as db:
            db.execute("DELETE FROM callback_tokens WHERE job_id = ?", (job_id,))
            db.execute("DELETE FROM hints WHERE job_id = ?", (job_id,))


def _read_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _create_tables(db: sqlite3.Connection) -> None:
    if _read_version(db) == _VERSION:  # another process has just created them
        return
    for name in _OLD_TABLES:
        db.execute(f"DROP TABLE IF EXISTS {name}")
    for table in _TABLES:
        db.execute(f"CREATE TABLE {table}")
    db.execute(f"PRAGMA user_version = {_VERSION}")


def to_store_error(error: Exception) -> InvalidRequestError:
    """Build the error for a store that cannot be used."""
    return InvalidRequestError(
        f"The folder for callbacks cannot be used ({error}); nothing was sent.",
        next_step="Set LIANGXIN_CALLBACKS to a folder you can write to, or poll.",
    )
