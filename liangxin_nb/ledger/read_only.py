"""Read jobs and batches without changing anything: no lock, no migration, no new file.

For programs that do not own the ledger, such as Jupyter's server when it saves a notebook. Older
versions of the tables are read as they are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from .._forks import SQLITE_USE
from ..core.foreign_file import file_problem
from ..core.hidden import hide_secrets
from ..core.job_record import JobRecord
from ..errors import LedgerError
from .batches import BatchRecord
from .connections import driver_url
from .mapping import from_row
from .migrations import OLD_NAMES
from .rows import upgrade_row

__all__ = ["StoredJobs", "read_jobs", "read_prices", "read_work"]

T = TypeVar("T")

_MAX_PARAMETERS = 400  # of one query; SQLite allows 999 in old versions
_JOBS = "SELECT * FROM {table} WHERE {column} IN :values"
#: The names of the table of jobs, and of its column for the batch, today and before version 5.
_TABLES = (("jobs", "batch_id"), ("tickets", "batch"))
_DEFAULTS = {f.name: f.default for f in fields(JobRecord) if f.default is not MISSING}
_DEFAULTS["parent_ids"] = ""

#: A locked or damaged file, a server that is not reached, a row that cannot be read.
_ERRORS = (
    sa.exc.SQLAlchemyError, sqlite3.Error, OSError, ImportError, ValueError, KeyError, TypeError,
)  # fmt: skip


@dataclass
class StoredJobs:
    """What a ledger has of the jobs and batches that were looked for.

    Attributes:
        jobs: Every record that was found, by its id; those of a batch oldest first.
        batches: Every batch that was found, by its id.
    """

    jobs: dict[str, JobRecord] = field(default_factory=dict)
    batches: dict[str, BatchRecord] = field(default_factory=dict)

    def jobs_of(self, batch: BatchRecord) -> list[JobRecord]:
        """Return the jobs of a batch, and the earlier ones that it reuses."""
        reused = _reused_ids(batch)
        jobs = self.jobs.values()
        return [job for job in jobs if job.batch_id == batch.id or job.id in reused]


def read_jobs(
    location: str,
    *,
    job_ids: Collection[str] = (),
    task_ids: Collection[str] = (),
    batch_ids: Collection[str] = (),
    timeout_s: float = 5.0,
) -> StoredJobs:
    """Return jobs by their ids and task ids, and batches with all of their jobs.

    Args:
        location: The path of a SQLite file, or a database URL.
        job_ids: The ids of jobs.
        task_ids: The service's ids of tasks.
        batch_ids: The ids of batches.
        timeout_s: Seconds to wait for a lock or an answer.

    Raises:
        LedgerError: If the ledger cannot be read.
    """
    wanted = {"id": job_ids, "task_id": task_ids}
    return _read_from(location, timeout_s, lambda db: _read(db, wanted, batch_ids))


def read_work(location: str, *digests: str, timeout_s: float = 5.0) -> list[tuple[str, JobRecord]]:
    """Return the jobs with one of these digests, each with its digest, oldest first.

    Args:
        location: The path of a SQLite file, or a database URL.
        digests: The digests of requests.
        timeout_s: Seconds to wait for a lock or an answer.

    Raises:
        LedgerError: If the ledger cannot be read.
    """

    def read(db: sa.Connection) -> list[tuple[str, JobRecord]]:
        query = _JOBS.format(table=_table(db)[0], column="digest")
        found = [(row["digest"], _record(row)) for row in _select(db, query, digests)]
        return sorted(found, key=lambda pair: (pair[1].created_at, pair[1].batch_index))

    return _read_from(location, timeout_s, read)


def read_prices(
    location: str, profile: str, models: Collection[str], *, timeout_s: float = 5.0
) -> dict[str, float]:
    """Return the credits that the service last reported for each model, where it did.

    Args:
        location: The path of a SQLite file, or a database URL.
        profile: The service profile.
        models: The names of the models.
        timeout_s: Seconds to wait for a lock or an answer.

    Raises:
        LedgerError: If the ledger cannot be read.
    """

    def read(db: sa.Connection) -> dict[str, float]:
        query = _JOBS.format(table=_table(db)[0], column="model") + " AND credits IS NOT NULL"
        records = sorted(map(_record, _select(db, query, models)), key=lambda r: r.created_at)
        own = [record for record in records if record.profile == profile and not record.origin]
        return {r.request.model: r.credits for r in own if r.credits is not None}

    return _read_from(location, timeout_s, read)


def _read_from(location: str, timeout_s: float, read: Callable[[sa.Connection], T]) -> T:
    """Return what a function reads from a ledger that other processes may be writing to."""
    try:
        if "://" in location:
            with _database(location, timeout_s) as db:
                return read(db)
        path = Path(location)
        state = _file_state(path)
        # The write-ahead log exists as long as a process uses the ledger.
        is_idle = not any(found for found in state[2:])
        with _sqlite(path, timeout_s, is_idle=is_idle) as db:
            stored = read(db)
        if is_idle and _file_state(path) != state:  # a process has begun to write meanwhile
            with _sqlite(path, timeout_s, is_idle=False) as db:
                stored = read(db)
        return stored
    except _ERRORS as error:
        reason = hide_secrets(file_problem(getattr(error, "orig", None) or error))
        raise LedgerError(
            f"The ledger {hide_secrets(location)!r} cannot be read ({reason}).",
            next_step="%liangxin doctor examines it.",
        ) from None


@contextmanager
def _sqlite(path: Path, timeout_s: float, *, is_idle: bool) -> Iterator[sa.Connection]:
    """Open a file for reading; one that no process uses without the files that WAL needs."""
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_idle else ''}"
    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=timeout_s),
        poolclass=sa.NullPool,
    )  # fmt: skip
    with SQLITE_USE.during(), engine.connect() as db:
        yield db


@contextmanager
def _database(url: str, timeout_s: float) -> Iterator[sa.Connection]:
    limit_ms = int(1000 * timeout_s)
    options = f"-c default_transaction_read_only=on -c statement_timeout={limit_ms}"
    arguments = {"connect_timeout": max(2, int(timeout_s)), "options": options}
    engine = sa.create_engine(driver_url(url), poolclass=sa.NullPool, connect_args=arguments)
    with engine.connect() as db:
        yield db


def _file_state(path: Path) -> tuple[Any, ...]:
    status = path.stat()
    others = (path.with_name(f"{path.name}-{suffix}").exists() for suffix in ("wal", "journal"))
    return (status.st_mtime_ns, status.st_size, *others)


def _read(
    db: sa.Connection, wanted: dict[str, Collection[str]], batch_ids: Collection[str]
) -> StoredJobs:
    stored, has_table = StoredJobs(), sa.inspect(db).has_table
    table, batch_column = _table(db)
    if batch_ids and has_table("batches"):
        for row in _select(db, "SELECT * FROM batches WHERE id IN :values", batch_ids):
            values = upgrade_row(row, OLD_NAMES["batches"])
            plan = dict(json.loads(values["plan"]))
            batch = BatchRecord(values["id"], values["created_at"], values["name"], plan)
            stored.batches[batch.id] = batch
    reused = [job_id for batch in stored.batches.values() for job_id in _reused_ids(batch)]
    wanted = {**wanted, "id": [*wanted["id"], *reused], batch_column: batch_ids}
    for column, values in wanted.items():
        query = _JOBS.format(table=table, column=column)
        records = map(_record, _select(db, query, values))
        for record in sorted(records, key=lambda record: record.created_at):
            stored.jobs[record.id] = record
    return stored


def _table(db: sa.Connection) -> tuple[str, str]:
    """Return the name of the table of jobs, and of its column for the batch."""
    has_table = sa.inspect(db).has_table
    return next((names for names in _TABLES if has_table(names[0])), _TABLES[0])


def _reused_ids(batch: BatchRecord) -> list[str]:
    reused = batch.plan.get("reused")
    return list(map(str, reused.values())) if isinstance(reused, dict) else []


def _select(db: sa.Connection, query: str, values: Collection[str]) -> Iterator[dict[str, Any]]:
    statement = sa.text(query).bindparams(sa.bindparam("values", expanding=True))
    remaining = list(values)
    while remaining:
        part, remaining = remaining[:_MAX_PARAMETERS], remaining[_MAX_PARAMETERS:]
        yield from (dict(row) for row in db.execute(statement, {"values": part}).mappings())


def _record(row: dict[str, Any]) -> JobRecord:
    return from_row(_DEFAULTS | upgrade_row(row, OLD_NAMES["jobs"]))
