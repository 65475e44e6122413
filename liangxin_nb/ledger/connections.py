"""Connections to the ledger's database: one per thread for a SQLite file, a pool for a server.

SQLite writes ahead (WAL) on local disks, so that readers never block a writer, nor a writer
readers. WAL needs memory that all processes share; on network disks the rollback journal is used.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .._forks import SQLITE_USE, keep_unused, renew_after_fork
from ..errors import LedgerError

__all__ = [
    "BUSY_TIMEOUT_S",
    "Connections",
    "damage_error",
    "driver_url",
    "is_damaged_file",
    "is_wal_safe",
]

#: Seconds to wait for the lock of another process.
BUSY_TIMEOUT_S = 30.0
_SWITCH_TIMEOUT_S = 0.2  # for the change to WAL, which needs a moment without readers
_NEW_FILE_S = 1.0  # another process may be creating the ledger: its file is empty until it commits
_MAX_WAL_BYTES = 4 << 20  # the size at which SQLite would make a checkpoint, too
#: File systems on which processes of one machine share memory.
_LOCAL_FILE_SYSTEMS = frozenset(
    (
        "apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs",
        "overlay", "ramfs", "reiserfs", "tmpfs", "ubifs", "ufs", "vfat", "xfs", "zfs",
    )
)  # fmt: skip
_RESULTS = ("????-??-??/*/metadata.json", "????-??-??/*/story.json")


class _ThreadConnection:
    """The connection of one thread, and the file that it has open."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: sa.Connection | None = None
        self.identity: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(sa.exc.SQLAlchemyError, sqlite3.Error):
                connection.close()

    def close_if_unused(self) -> None:
        """Close the connection if no transaction uses it."""
        if self.lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self.lock.release()


class Connections:
    """The connections to one database; usable from several threads and after a fork."""

    def __init__(self, location: str) -> None:
        """Prepare the engine; nothing is opened.

        Args:
            location: The path of a SQLite file, or a database URL.
        """
        self._location = location
        self.engine: sa.Engine = _create_engine(location)
        is_file = self.engine.dialect.name == "sqlite"
        self.path: Path | None = Path(self.engine.url.database or "") if is_file else None
        # Not `threading.local`: a forked child would close the connections of other threads.
        self._by_thread: dict[int, _ThreadConnection] = {}
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Open other connections in a forked child; those of the parent are not even closed."""
        keep_unused(self.engine, self._by_thread)
        self.engine, self._by_thread = _create_engine(self._location), {}

    @contextmanager
    def use(
        self, *, read_only: bool, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> Iterator[sa.Connection]:
        """Run the body in a transaction on this thread's connection.

        Args:
            read_only: Whether the transaction leaves writers alone.
            busy_timeout_s: Seconds to wait for the lock of another process.

        Raises:
            OSError: If the file was removed.
        """
        with SQLITE_USE.during():
            own = self._of_this_thread()
            if own is None or not own.lock.acquire(blocking=False):
                # A server's pool, or a nested transaction.
                with self.engine.connect() as connection:
                    yield from _run(connection, read_only, busy_timeout_s)
                return
            try:
                yield from _run(self._open(own), read_only, busy_timeout_s)
            except (sa.exc.DatabaseError, OSError):
                own.close()  # the next transaction opens the file again
                raise
            finally:
                own.lock.release()

    def _of_this_thread(self) -> _ThreadConnection | None:
        if self.path is None:
            return None
        own = self._by_thread.get(threading.get_ident())
        if own is None:
            self._close_of_ended_threads()
            own = self._by_thread[threading.get_ident()] = _ThreadConnection()
        return own

    def _close_of_ended_threads(self) -> None:
        threads = list(self._by_thread)  # first: a thread that is added meanwhile is running
        # Not `sys._current_frames`: in Python 3.11 it can deadlock with a thread that starts.
        running = {thread.ident for thread in threading.enumerate()}
        for thread in threads:
            if thread not in running and (own := self._by_thread.pop(thread, None)):
                own.close_if_unused()

    def _open(self, own: _ThreadConnection) -> sa.Connection:
        """Return a connection to the file that is at the path now, not to one moved away."""
        assert self.path is not None
        status = self.path.stat()
        identity = (status.st_dev, status.st_ino)
        if own.connection is None or own.identity != identity:
            own.close()
            own.connection, own.identity = self.engine.connect(), identity
        return own.connection

    def close(self) -> None:
        """Close every connection that is not in use; the next use opens new ones."""
        with SQLITE_USE.during():
            for own in list(self._by_thread.values()):
                own.close_if_unused()
            self.engine.dispose()


def _run(
    connection: sa.Connection, read_only: bool, busy_timeout_s: float
) -> Iterator[sa.Connection]:
    connection.execution_options(read_only=read_only, busy_timeout_s=busy_timeout_s)
    if read_only and connection.dialect.name != "sqlite":
        yield connection  # it begins with the first query, at the isolation level that is set then
        return
    with connection.begin():
        yield connection


def _create_engine(location: str) -> sa.Engine:
    if "://" in location:
        return sa.create_engine(driver_url(location), pool_pre_ping=True)
    # `Connections` keeps them: a pool would hand them to other threads and forked processes.
    engine = sa.create_engine(
        f"sqlite:///{location}",
        poolclass=sa.NullPool,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy starts transactions, not the driver
        _choose_journal(connection, Path(location))
        connection.execute("PRAGMA wal_autocheckpoint=0")  # see `_checkpoint`
        connection.execute("PRAGMA journal_size_limit=0")  # a WAL that begins anew is short again
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        timeout_ms = int(1000 * options.get("busy_timeout_s", BUSY_TIMEOUT_S))
        connection.exec_driver_sql(f"PRAGMA busy_timeout={timeout_ms}")
        is_read_only = options.get("read_only")
        connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")
        # A WAL is restarted by a transaction that begins after the checkpoint.
        if not is_read_only and _checkpoint(Path(location)):
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def driver_url(url: str) -> str:
    """Return a URL that names psycopg 3, which the extra `team` installs, and not psycopg2."""
    return re.sub("^postgres(ql)?://", "postgresql+psycopg://", url)


def _checkpoint(path: Path) -> bool:
    """Copy a large WAL into the database file; the caller has the write lock.

    SQLite before 3.51.3 can lose data if a transaction restarts the WAL while a checkpoint begins.
    With the write lock there is no such transaction, in no process; SQLite's automatic checkpoints
    run without it. The checkpoint at the last close has an exclusive lock.
    Source: https://sqlite.org/wal.html#walresetbug

    Returns:
        Whether a checkpoint was made.
    """
    with suppress(OSError, sqlite3.Error):  # the transaction itself reports what is wrong
        if path.with_name(f"{path.name}-wal").stat().st_size > _MAX_WAL_BYTES:
            with closing(sqlite3.connect(path, timeout=0.0)) as other:
                other.execute("PRAGMA schema_version").fetchone()  # opens the WAL
                other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return True
    return False


def _choose_journal(connection: Any, path: Path) -> None:
    """Use WAL where it is safe; do not change the mode while others read."""
    mode = "wal" if is_wal_safe(path) else "delete"
    with suppress(sqlite3.Error):
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
            # On a separate connection: a failed change would be repeated at its next commit.
            with closing(sqlite3.connect(path, timeout=_SWITCH_TIMEOUT_S)) as other:
                other.execute(f"PRAGMA journal_mode={mode}").fetchone()


def is_wal_safe(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Return whether a file is on a local disk, as far as the system tells.

    Args:
        path: The path of the file.
        mounts: Where Linux lists its file systems.
    """
    path = path.absolute()
    if sys.platform == "win32":
        import ctypes

        remote = 4
        return bool(path.drive[1:] == ":") and (
            ctypes.windll.kernel32.GetDriveTypeW(f"{path.drive}\\") != remote
        )
    if sys.platform == "darwin":
        return not path.is_relative_to("/Volumes")  # where network and removable disks appear
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    best, file_system = -1, ""
    resolved = Path(os.path.realpath(path))
    for line in lines:
        _, folder, kind, *_ = [*line.split(), "", "", ""]
        folder = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), folder)
        # Of two file systems on one folder, the later one hides the other.
        if len(folder) >= best and resolved.is_relative_to(folder):
            best, file_system = len(folder), kind
    return file_system in _LOCAL_FILE_SYSTEMS


def is_damaged_file(path: Path) -> bool:
    """Return whether a ledger has lost its content: it is empty, and results are beside it."""

    def is_empty() -> bool:
        with suppress(OSError):
            return path.is_file() and path.stat().st_size == 0
        return False

    if not is_empty() or not any(any(path.parent.glob(pattern)) for pattern in _RESULTS):
        return False
    end = time.monotonic() + _NEW_FILE_S
    while is_empty() and time.monotonic() < end:
        time.sleep(0.05)
    return is_empty()


def damage_error(location: str, reason: str) -> LedgerError:
    """Return the error for a ledger whose content cannot be read."""
    error = LedgerError(
        f"The ledger {location!r} is damaged ({reason}).",
        next_step="%liangxin doctor --rebuild sets it aside and rebuilds it from the results.",
    )
    error.is_damaged = True
    return error
