"""How long tasks took: what the plan of the next one rests on."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from ..polling import TaskDuration
from .database import JOBS, Database

__all__ = ["durations"]

_LOOKED = 400  # finished tasks that are looked through
_ALIKE = 8  # with so many of the same options, others of the model say nothing more


def durations(database: Database, record: JobRecord, *, last: int = 50) -> tuple[TaskDuration, ...]:
    """How long the last finished tasks like this one took at the service, the newest first.

    Like it: of its service and model, and of its options where there are enough of those; seeds,
    prompts and pictures do not count.
    """
    query = sa.select(JOBS.c.options, JOBS.c.duration_s, JOBS.c.started_after_s).where(
        JOBS.c.model == record.request.model,
        JOBS.c.profile == record.profile,
        JOBS.c.service == record.service,
        JOBS.c.duration_s > 0,
    )
    with database.read_only() as db:
        rows = list(db.execute(query.order_by(JOBS.c.created_at.desc()).limit(_LOOKED)))
    wanted = _shape(dict(record.request.redacted_options))
    alike = [row for row in rows if _shape(json.loads(row.options)) == wanted]
    chosen = alike if len(alike) >= _ALIKE else rows
    return tuple(TaskDuration(row.duration_s, row.started_after_s) for row in chosen[:last])


def _shape(options: dict[str, Any]) -> dict[str, Any]:
    """What may matter for how long it takes: sizes, qualities, numbers of pictures."""
    return {
        name: len(value) if isinstance(value, list) else value
        for name, value in options.items()
        if name != "seed" and not (isinstance(value, str) and len(value) > 40)
    }
