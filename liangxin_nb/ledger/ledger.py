"""The ledger: one row per job, one event per change.

The row is written before createTask is sent, so nothing is paid for without a record.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ..core.formatting import local_datetime
from ..core.job_record import RESUMABLE, RETENTION_S, JobRecord
from ..core.request import Request
from ..core.table import Table
from .batches import BatchQueries
from .database import EVENTS, FILES, JOBS
from .mapping import append_event, change_row, from_row, to_row
from .statistics import StatisticsQueries

__all__ = ["Ledger"]

_HISTORY_HEADINGS = (
    "created_at", "model", "prompt", "status", "task_id", "duration_s", "credits",
    "path or reason",
)  # fmt: skip


class Ledger(BatchQueries, StatisticsQueries):
    """The job records at a file path or a database URL."""

    def create(
        self, request: Request, profile: str, service: str, owner: str = "", cell_id: str = ""
    ) -> JobRecord:
        """Create a job record; it is on disk when this returns."""
        record = JobRecord.new(request, profile, service, owner)
        self.add(record, cell_id)
        return record

    def add(self, record: JobRecord, cell_id: str = "") -> None:
        """Add a job record that was created elsewhere."""
        with self.transaction() as db:
            db.execute(JOBS.insert().values(**to_row(record)))
            append_event(db, record.id, record.status, cell_id)

    def claim(self, record: JobRecord, owner: str) -> JobRecord | None:
        """Give a job record a new owner.

        Returns:
            The changed record, or None if its owner or its status (it was sent) has changed.
        """
        unchanged = sa.and_(
            JOBS.c.id == record.id,
            JOBS.c.owner == record.owner,
            JOBS.c.status == record.status,
        )
        with self.transaction() as db:
            changed = db.execute(JOBS.update().where(unchanged).values(owner=owner))
        return record.replace(owner=owner) if changed.rowcount == 1 else None

    def update(self, record: JobRecord, event: str, detail: str = "", **values: Any) -> JobRecord:
        """Change columns of a job record and append an event, in one transaction.

        Args:
            record: The record to change.
            event: What happened, up to 60 characters.
            detail: Any text, for example the raw answer of the service.
            **values: The new values, by column.

        Returns:
            The record with the new values.
        """
        changed = record.replace(**values)
        with self.transaction() as db:
            change_row(db, record, values)
            append_event(db, record.id, event, detail)
        return changed

    def confirm_lost(self, record: JobRecord, task_id: str) -> JobRecord | None:
        """Set the task id of a record after its createTask response was lost.

        Returns:
            The submitted record; None if it is no longer unconfirmed, or if another record
            has this task id.
        """
        others = JOBS.alias()
        taken = sa.exists().where(others.c.task_id == task_id, others.c.origin != "imported")
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
        """Record that a result is on disk: its folder, its files and the status together.

        Args:
            record: The record of the job.
            folder: The folder of the result, relative to the results folder.
            files: For each file its ``name``, ``bytes``, ``sha256`` and, for pictures, ``width``
                and ``height`` in pixels.

        Returns:
            The saved record.
        """
        names = ("name", "bytes", "sha256", "width", "height")
        with self.transaction() as db:
            # The task id may be in the journal only; any session may collect missing outputs.
            values = {"status": "saved", "folder": folder, "task_id": record.task_id}
            values |= {"owner": ""} if record.reason else {}
            change_row(db, record, values)
            db.execute(FILES.delete().where(FILES.c.job_id == record.id))
            for file in files:
                row = {name: file.get(name) for name in names}
                db.execute(FILES.insert().values(job_id=record.id, **row))
            append_event(db, record.id, "saved", folder)
        return record.replace(**values)

    def find(self, job_id: str) -> JobRecord | None:
        """Return the newest record with a job id or task id; own ones come before imported ones.

        The beginning of a job id is enough if only one record matches.
        """
        if not job_id:
            return None
        query = JOBS.select().order_by(JOBS.c.origin, JOBS.c.created_at.desc())
        exact = sa.or_(JOBS.c.id == job_id, JOBS.c.task_id == job_id)
        if matches := self._load(query.where(exact).limit(1)):
            return matches[0]
        prefix = JOBS.c.id.startswith(job_id, autoescape=True)
        matches = self._load(query.where(prefix).limit(2))
        return matches[0] if len(matches) == 1 else None

    def is_complete(self, record: JobRecord) -> bool:
        """Return whether the ledger holds the whole request of a record.

        Reference pictures are not stored, only described.
        """
        query = sa.select(JOBS.c.digest).where(JOBS.c.id == record.id)
        with self.read_only() as db:
            is_same = bool(db.execute(query).scalar() == record.request.digest)
        return is_same and record.request.is_complete

    def with_status(self, *statuses: str) -> list[JobRecord]:
        """Return every record with one of these statuses, oldest first."""
        return self._load(
            JOBS.select().where(JOBS.c.status.in_(statuses)).order_by(JOBS.c.created_at)
        )

    def resumable(self) -> list[JobRecord]:
        """Return every record with a result that can still be collected, oldest first."""
        return [record for record in self.with_status(*RESUMABLE) if record.task_id]

    def collectable(self) -> list[JobRecord]:
        """Return every record of which the service may still have something, oldest first.

        These are the resumable ones and, while the service keeps results, those whose files could
        not be downloaded, or not all of them.
        """
        lost = JOBS.c.status == "result_lost"
        partial = sa.and_(JOBS.c.status == "saved", JOBS.c.reason != "")
        is_kept = JOBS.c.created_at >= time.time() - RETENTION_S
        unfinished = sa.or_(JOBS.c.status.in_(RESUMABLE), sa.and_(is_kept, sa.or_(lost, partial)))
        query = JOBS.select().where(JOBS.c.task_id != "", unfinished)
        return self._load(query.order_by(JOBS.c.created_at))

    def list_jobs(self, *, search: str = "", limit: int | None = 50) -> list[JobRecord]:
        """Return records, unfinished ones first, then the newest.

        Args:
            search: Text that the prompt contains, in any case; empty for any prompt.
            limit: At most this many; None for all.
        """
        unfinished_first = sa.case((JOBS.c.status.in_(RESUMABLE), 0), else_=1)
        query = JOBS.select().order_by(unfinished_first, JOBS.c.created_at.desc()).limit(limit)
        if search:
            query = query.where(JOBS.c.prompt.icontains(search, autoescape=True))
        return self._load(query)

    def history(self, *, search: str = "", limit: int | None = None) -> Table:
        """Return records as a table, unfinished ones first, then the newest.

        Args:
            search: Text that the prompt contains, in any case; empty for any prompt.
            limit: At most this many rows; None for all.

        Returns:
            One row per job. ``duration_s`` is the time at the service in seconds; ``credits`` is
            what the service reports, or None if it reports nothing.
        """
        rows = [_history_row(record) for record in self.list_jobs(search=search, limit=limit)]
        empty = f"No prompt holds {search!r}." if search else "No task yet."
        return Table(_HISTORY_HEADINGS, rows, empty)

    def count_by_status(self) -> dict[str, int]:
        """Return how many records have each status."""
        query = sa.select(JOBS.c.status, sa.func.count()).group_by(JOBS.c.status)
        with self.read_only() as db:
            return {str(status): int(count) for status, count in db.execute(query)}

    def events(self, job_id: str) -> list[tuple[float, str, str]]:
        """Return the history of a job: Unix time in seconds, event and detail of each event."""
        query = sa.select(EVENTS.c.created_at, EVENTS.c.event, EVENTS.c.detail)
        query = query.where(EVENTS.c.job_id == job_id).order_by(EVENTS.c.n)
        with self.read_only() as db:
            return [(created_at, event, detail) for created_at, event, detail in db.execute(query)]

    def _load(self, query: Any) -> list[JobRecord]:
        with self.read_only() as db:
            return [from_row(row) for row in db.execute(query).mappings()]


def _history_row(record: JobRecord) -> tuple[object, ...]:
    has_state = record.is_resumable and record.state
    return (
        local_datetime(record.created_at),
        record.request.model,
        record.request.prompt,
        f"{record.status} ({record.state})" if has_state else _status_text(record),
        record.task_id or record.id,
        record.duration_s,
        record.credits,
        " · ".join(filter(None, (record.folder, record.reason, record.origin))),
    )


def _status_text(record: JobRecord) -> str:
    return "partly saved" if record.is_partial else record.status
