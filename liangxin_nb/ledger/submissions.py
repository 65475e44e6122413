"""Recording of task ids: at once, late, or in a ledger that has lost the job."""

from __future__ import annotations

import sqlalchemy as sa

from ..core.job_record import JobRecord, JobStatus
from .database import JOBS, Database
from .mapping import append_event, to_row

__all__ = ["record_submitted"]

#: Statuses of jobs that the service may have accepted; a later status is never set back.
_BEFORE = (
    JobStatus.PENDING,
    JobStatus.SUBMITTING,
    JobStatus.UNCONFIRMED,
    JobStatus.REJECTED,
)


def record_submitted(database: Database, record: JobRecord) -> bool:
    """Write the task id that the service has answered; doing so again changes nothing.

    Args:
        database: The ledger.
        record: The submitted job. It is added if the ledger does not have it.

    Returns:
        Whether anything was written.
    """
    this = JOBS.c.id == record.id
    with database.transaction() as db:
        known = db.execute(sa.select(JOBS.c.task_id, JOBS.c.status).where(this)).first()
        if known is None:
            db.execute(JOBS.insert().values(**to_row(record)))
        elif known.task_id and (known.task_id != record.task_id or known.status not in _BEFORE):
            return False
        else:
            early = known.status in _BEFORE
            values = {"status": "submitted", "reason": ""} if early else {}
            db.execute(JOBS.update().where(this).values(task_id=record.task_id, **values))
        append_event(db, record.id, "submitted", record.task_id)
    return True
