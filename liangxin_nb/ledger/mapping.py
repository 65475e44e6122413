"""Tickets as rows, and the lines of their history."""

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
    """Writes one line into a ticket's history."""
    db.execute(
        EVENTS.insert().values(job_id=job_id, created_at=time.time(), event=event, detail=detail)
    )


def to_row(ticket: JobRecord) -> dict[str, Any]:
    """A ticket as it goes into the table."""
    request = ticket.request
    return {
        "id": ticket.id,
        "created_at": ticket.created_at,
        "profile": ticket.profile,
        "service": ticket.service,
        "model": request.model,
        "prompt": request.prompt,
        "options": json.dumps(request.redacted_options, ensure_ascii=False),
        "digest": request.digest,
        "status": ticket.status,
        "state": ticket.state,
        "task_id": ticket.task_id,
        "owner": ticket.owner,
        "batch_id": ticket.batch_id,
        "batch_index": ticket.batch_index,
    }


def from_row(row: Any) -> JobRecord:
    """A ticket as it comes out of the table."""
    request = Request(row["model"], row["prompt"], json.loads(row["options"]))
    names = {field.name for field in fields(JobRecord)} - {"request"}
    return JobRecord(request=request, **{name: row[name] for name in names})
