"""Job records as rows, and the lines of their history."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from ..core.request import Request
from .database import EVENTS

__all__ = ["append_event", "from_row", "to_row"]


def append_event(db: sa.Connection, job_id: str, event: str, detail: str = "") -> None:
    """Writes one line into a job record's history."""
    db.execute(
        EVENTS.insert().values(job_id=job_id, created_at=time.time(), event=event, detail=detail)
    )


def to_row(record: JobRecord) -> dict[str, Any]:
    """A job record as it goes into the table."""
    request = record.request
    return {
        "id": record.id,
        "created_at": record.created_at,
        "profile": record.profile,
        "service": record.service,
        "model": request.model,
        "prompt": request.prompt,
        "options": json.dumps(request.redacted_options, ensure_ascii=False),
        "digest": request.digest,
        "status": record.status,
        "state": record.state,
        "task_id": record.task_id,
        "owner": record.owner,
        "batch_id": record.batch_id,
        "batch_index": record.batch_index,
    }


def from_row(row: Any) -> JobRecord:
    """A job record as it comes out of the table."""
    request = Request(row["model"], row["prompt"], json.loads(row["options"]))
    names = {field.name for field in fields(JobRecord)} - {"request"}
    return JobRecord(request=request, **{name: row[name] for name in names})
