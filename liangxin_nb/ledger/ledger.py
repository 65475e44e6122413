"""The ledger of money and work: a row per job record, a line per change.

A row is written before createTask, so that nothing is paid for without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ..core.job_record import RESUMABLE, JobRecord
from ..core.request import Request
from .batches import BatchQueries
from .database import EVENTS, FILES, JOBS
from .mapping import append_event, from_row, to_row

__all__ = ["Ledger"]


class Ledger(BatchQueries):
    """The job records of a ledger at a file path or a database URL."""

    def create(self, request: Request, profile: str, service: str, owner: str = "") -> JobRecord:
        """A new job record, on disk before anything is sent."""
        record = JobRecord.new(request, profile, service, owner)
        self.add(record)
        return record

    def add(self, record: JobRecord) -> None:
        """Takes in a job record made elsewhere."""
        with self.transaction() as db:
            db.execute(JOBS.insert().values(**to_row(record)))
            append_event(db, record.id, record.status)

    def claim(self, record: JobRecord, owner: str) -> JobRecord | None:
        """The job record under a new owner, or None when someone else was quicker.

        The status counts too: what was sent and let go of meanwhile is no intent any more.
        """
        mine = sa.and_(
            JOBS.c.id == record.id,
            JOBS.c.owner == record.owner,
            JOBS.c.status == record.status,
        )
        with self.transaction() as db:
            changed = db.execute(JOBS.update().where(mine).values(owner=owner))
        return record.replace(owner=owner) if changed.rowcount == 1 else None

    def update(self, record: JobRecord, event: str, detail: str = "", **values: Any) -> JobRecord:
        """The job record with other values, and a line in its history that says what happened."""
        changed = record.replace(**values)
        with self.transaction() as db:
            if values:
                db.execute(JOBS.update().where(JOBS.c.id == record.id).values(**values))
            append_event(db, record.id, event, detail)
        return changed

    def confirm_lost(self, record: JobRecord, task_id: str) -> JobRecord | None:
        """The job record of a lost answer, accepted under the id that it turned out to have.

        None when it is settled already, or the id is another job record's.
        """
        others = JOBS.alias()
        taken = sa.exists().where(others.c.task_id == task_id)
        lost = sa.and_(JOBS.c.id == record.id, JOBS.c.status.in_(("submitting", "unconfirmed")))
        values = {"status": "submitted", "task_id": task_id, "reason": ""}
        with self.transaction() as db:
            done = db.execute(JOBS.update().where(lost, ~taken).values(**values))
            if done.rowcount != 1:
                return None
            append_event(db, record.id, "found", task_id)
        return record.replace(**values)

    def mark_saved(
        self, record: JobRecord, folder: str, files: Sequence[Mapping[str, Any]]
    ) -> JobRecord:
        """The job record kept: its folder and files, in the same transaction as its status."""
        names = ("name", "bytes", "sha256", "width", "height")
        with self.transaction() as db:
            db.execute(FILES.delete().where(FILES.c.job_id == record.id))
            for file in files:
                row = {name: file.get(name) for name in names}
                db.execute(FILES.insert().values(job_id=record.id, **row))
            kept = {"status": "saved", "folder": folder}
            db.execute(JOBS.update().where(JOBS.c.id == record.id).values(**kept))
            append_event(db, record.id, "saved", folder)
        return record.replace(**kept)

    def find(self, id: str) -> JobRecord | None:
        """The newest job record whose id or task id this is, or begins so when only one does."""
        if not id:
            return None
        query = JOBS.select().order_by(JOBS.c.created_at.desc())
        exact = sa.or_(JOBS.c.id == id, JOBS.c.task_id == id)
        if found := self._load(query.where(exact).limit(1)):
            return found[0]
        near = self._load(query.where(JOBS.c.id.startswith(id, autoescape=True)).limit(2))
        return near[0] if len(near) == 1 else None

    def with_status(self, *statuses: str) -> list[JobRecord]:
        """Every job record of these statuses, oldest first."""
        return self._load(
            JOBS.select().where(JOBS.c.status.in_(statuses)).order_by(JOBS.c.created_at)
        )

    def resumable(self) -> list[JobRecord]:
        """Every job record that can still be collected, oldest first."""
        return [record for record in self.with_status(*RESUMABLE) if record.task_id]

    def list_jobs(self, *, search: str = "", limit: int | None = 50) -> list[JobRecord]:
        """Job records, unfinished ones first, then the newest; `search` looks into prompts."""
        last = sa.case((JOBS.c.status.in_(RESUMABLE), 0), else_=1)
        query = JOBS.select().order_by(last, JOBS.c.created_at.desc()).limit(limit)
        if search:
            query = query.where(JOBS.c.prompt.icontains(search, autoescape=True))
        return self._load(query)

    def count_by_status(self) -> dict[str, int]:
        """How many job records have each status."""
        query = sa.select(JOBS.c.status, sa.func.count()).group_by(JOBS.c.status)
        with self.read_only() as db:
            return {str(fate): int(number) for fate, number in db.execute(query)}

    def events(self, job_id: str) -> list[tuple[float, str, str]]:
        """A job record's history: unix seconds, what happened, and the detail as it came."""
        query = sa.select(EVENTS.c.created_at, EVENTS.c.event, EVENTS.c.detail)
        query = query.where(EVENTS.c.job_id == job_id).order_by(EVENTS.c.n)
        with self.read_only() as db:
            return [(at, what, detail) for at, what, detail in db.execute(query)]

    def median_duration(self, model: str, profile: str, *, samples: int = 20) -> float | None:
        """The median seconds of the last finished tasks of a model, or None before the third."""
        query = sa.select(JOBS.c.duration_s).where(
            JOBS.c.model == model,
            JOBS.c.profile == profile,
            JOBS.c.duration_s.is_not(None),
        )
        with self.read_only() as db:
            newest = query.order_by(JOBS.c.created_at.desc()).limit(samples)
            found = sorted(seconds for (seconds,) in db.execute(newest))
        return found[len(found) // 2] if len(found) >= 3 else None

    def _load(self, query: Any) -> list[JobRecord]:
        with self.read_only() as db:
            return [from_row(row) for row in db.execute(query).mappings()]
