"""Batches in the ledger: jobs that were created together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from .database import JOBS, Database
from .mapping import append_event, from_row, to_row
from .submissions import WORK

__all__ = ["BATCHES", "BatchQueries", "BatchRecord"]

BATCHES = sa.Table(
    "batches",
    JOBS.metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("plan", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class BatchRecord:
    """A batch as the ledger stores it.

    Attributes:
        id: Up to 16 letters and digits.
        created_at: Unix time in seconds.
        name: The name that the user gave it, or empty.
        plan: The grid of the batch, as the package `batches` writes it.
    """

    id: str
    created_at: float
    name: str
    plan: Mapping[str, Any]


class BatchQueries(Database):
    """The part of a ledger that concerns batches."""

    def add_batch(self, batch: BatchRecord | None, records: Iterable[JobRecord]) -> list[JobRecord]:
        """Add jobs, and their batch if it is new, in one transaction.

        Args:
            batch: The new batch, or None to add to an existing one.
            records: The jobs; each names its batch.

        Returns:
            The jobs that were added: not those for which another notebook was quicker.
        """
        with self.transaction() as db:
            records = [r for r in records if batch is not None or not _has_work(db, r)]
            rows = [to_row(record) for record in records]
            if batch is not None:
                plan = json.dumps(dict(batch.plan), ensure_ascii=False)
                values = {"id": batch.id, "created_at": batch.created_at, "name": batch.name}
                db.execute(BATCHES.insert().values(**values, plan=plan))
            if rows:
                db.execute(JOBS.insert(), rows)
            for row in rows:
                append_event(db, row["id"], row["status"])
        return records

    def get_batch(self, batch_id: str) -> BatchRecord | None:
        """Return the batch with an id, or with the beginning of an id if only one matches."""
        if not batch_id:
            return None
        exact = BATCHES.select().where(BATCHES.c.id == batch_id)
        prefix = BATCHES.c.id.startswith(batch_id, autoescape=True)
        matches = self._load_batches(exact) or self._load_batches(
            BATCHES.select().where(prefix).limit(2)
        )
        return matches[0] if len(matches) == 1 else None

    def list_batches(self, limit: int | None = 20) -> list[BatchRecord]:
        """Return batches, newest first.

        Args:
            limit: At most this many; None for all.
        """
        return self._load_batches(
            BATCHES.select().order_by(BATCHES.c.created_at.desc()).limit(limit)
        )

    def jobs_of_batch(self, batch_id: str) -> list[JobRecord]:
        """Return every record of a batch, oldest first: of one index the last one counts."""
        query = JOBS.select().where(JOBS.c.batch_id == batch_id).order_by(JOBS.c.created_at)
        with self.read_only() as db:
            return [from_row(row) for row in db.execute(query).mappings()]

    def _load_batches(self, query: Any) -> list[BatchRecord]:
        with self.read_only() as db:
            return [
                BatchRecord(row["id"], row["created_at"], row["name"], json.loads(row["plan"]))
                for row in db.execute(query).mappings()
            ]


def _has_work(db: sa.Connection, record: JobRecord) -> bool:
    """Return whether a batch has a job at this index already that is not to be retried."""
    if not record.batch_id:
        return False
    # On a server, of two notebooks one waits here; SQLite has one writer at a time.
    db.execute(sa.select(BATCHES.c.id).where(BATCHES.c.id == record.batch_id).with_for_update())
    same = sa.and_(JOBS.c.batch_id == record.batch_id, JOBS.c.batch_index == record.batch_index)
    query = sa.select(JOBS.c.id).where(same, JOBS.c.status.in_(WORK)).limit(1)
    return db.execute(query).first() is not None
