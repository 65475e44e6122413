"""Batches in the ledger: what belongs together, and work that is kept already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from ..core.request import Request
from .database import JOBS, Database
from .mapping import append_event, from_row, to_row

__all__ = ["BatchQueries", "BatchRecord"]

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
    """A batch as the ledger keeps it; `created_at`: unix seconds; `plan`: what its maker wants
    to know.
    """

    id: str
    created_at: float
    name: str
    plan: Mapping[str, Any]


class BatchQueries(Database):
    """What a ledger knows of batches."""

    def add_batch(self, batch: BatchRecord | None, records: Iterable[JobRecord]) -> None:
        """Takes in many records, and the batch that they make where it is new: all or nothing."""
        rows = [to_row(record) for record in records]
        with self.transaction() as db:
            if batch is not None:
                plan = json.dumps(dict(batch.plan), ensure_ascii=False)
                values = {
                    "id": batch.id,
                    "created_at": batch.created_at,
                    "name": batch.name,
                    "plan": plan,
                }
                db.execute(BATCHES.insert().values(**values))
            if rows:
                db.execute(JOBS.insert(), rows)
            for row in rows:
                append_event(db, row["id"], row["status"])

    def get_batch(self, id: str) -> BatchRecord | None:
        """The batch of that id, or whose id begins so when only one does."""
        if not id:
            return None
        exact = BATCHES.select().where(BATCHES.c.id == id)
        near = BATCHES.select().where(BATCHES.c.id.startswith(id, autoescape=True)).limit(2)
        found = self._load_batches(exact) or self._load_batches(near)
        return found[0] if len(found) == 1 else None

    def list_batches(self, limit: int = 20) -> list[BatchRecord]:
        """The newest batches."""
        return self._load_batches(
            BATCHES.select().order_by(BATCHES.c.created_at.desc()).limit(limit)
        )

    def jobs_of_batch(self, id: str) -> list[JobRecord]:
        """Every record of a batch, oldest first: of one place the last is the one that counts."""
        query = JOBS.select().where(JOBS.c.batch_id == id).order_by(JOBS.c.created_at)
        with self.read_only() as db:
            return [from_row(row) for row in db.execute(query).mappings()]

    def is_complete(self, record: JobRecord) -> bool:
        """Whether the ledger holds all that was asked for: a picture sent along is only named."""
        query = sa.select(JOBS.c.digest).where(JOBS.c.id == record.id)
        with self.read_only() as db:
            return bool(db.execute(query).scalar() == record.request.digest)

    def find_identical(self, request: Request, profile: str, service: str) -> list[JobRecord]:
        """Kept job records of identical work at the same service, the newest first."""
        query = JOBS.select().where(
            JOBS.c.digest == request.digest,
            JOBS.c.status == "saved",
            JOBS.c.profile == profile,
            JOBS.c.service == service,
        )
        with self.read_only() as db:
            rows = db.execute(query.order_by(JOBS.c.created_at.desc())).mappings()
            return [from_row(row) for row in rows]

    def last_cost(self, model: str, profile: str) -> float | None:
        """The credits that the service told for a model's last task, or None when it told none."""
        query = sa.select(JOBS.c.credits).where(
            JOBS.c.model == model,
            JOBS.c.profile == profile,
            JOBS.c.credits.is_not(None),
        )
        with self.read_only() as db:
            return db.execute(query.order_by(JOBS.c.created_at.desc()).limit(1)).scalar()

    def _load_batches(self, query: Any) -> list[BatchRecord]:
        with self.read_only() as db:
            rows = db.execute(query).mappings()
            return [
                BatchRecord(r["id"], r["created_at"], r["name"], json.loads(r["plan"]))
                for r in rows
            ]
