"""Conversion between job records and rows; changes of a row, and the events of a job."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from ..core.request import Request
from .database import EVENTS, JOBS

__all__ = ["append_event", "change_row", "from_row", "to_row"]


def append_event(db: sa.Connection, job_id: str, event: str, detail: str = "") -> None:
    """Append an event to the history of a job."""
    db.execute(
        EVENTS.insert().values(job_id=job_id, created_at=time.time(), event=event, detail=detail)
    )


def change_row(db: sa.Connection, record: JobRecord, values: Mapping[str, Any]) -> None:
    """Change columns of a record; a rebuilt ledger may lack it, then it is added again."""
    columns = dict(values) or {"id": record.id}
    if db.execute(JOBS.update().where(JOBS.c.id == record.id).values(columns)).rowcount != 1:
        db.execute(JOBS.insert().values(to_row(record) | columns))


def to_row(record: JobRecord) -> dict[str, Any]:
    """Return the columns of a new job record."""
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
        "origin": record.origin,
        "parent_ids": "\n".join(record.parent_ids),
        "change": record.change,
        "seed_drawn": record.seed_drawn,
    }


def from_row(row: Any) -> JobRecord:
    """Return the job record of a row."""
    request = Request.restore(
        row["model"], row["prompt"], json.loads(row["options"]), seed_drawn=row["seed_drawn"]
    )
    parent_ids = tuple(filter(None, row["parent_ids"].split("\n")))
    names = {field.name for field in fields(JobRecord)} - {"request", "parent_ids"}
    values = {name: row[name] for name in names}
    return JobRecord(request=request, parent_ids=parent_ids, **values)
