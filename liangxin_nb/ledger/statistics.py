"""What earlier tasks cost and how long they took; imported records do not count."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from ..core.job_record import JobRecord
from ..polling import TaskDuration
from .database import JOBS, Database

__all__ = ["StatisticsQueries"]

#: Finished tasks of a model that are searched for durations.
_MAX_SEARCHED = 400
#: With this many tasks of the same options, tasks with other options are ignored.
_ENOUGH_ALIKE = 8
#: What an archive of another person says changes no estimate and no pace.
_IS_OWN = JOBS.c.origin == ""


class StatisticsQueries(Database):
    """The part of a ledger that estimates are made from."""

    def last_cost(self, model: str, profile: str) -> float | None:
        """Return the credits that the service last reported for a model, or None."""
        query = sa.select(JOBS.c.credits).where(
            JOBS.c.model == model, JOBS.c.profile == profile, JOBS.c.credits.is_not(None), _IS_OWN
        )
        with self.read_only() as db:
            return db.execute(query.order_by(JOBS.c.created_at.desc()).limit(1)).scalar()

    def median_duration(self, model: str, profile: str, *, samples: int = 20) -> float | None:
        """Return the median duration of a model's last tasks in seconds; None below three."""
        query = sa.select(JOBS.c.duration_s).where(
            JOBS.c.model == model,
            JOBS.c.profile == profile,
            JOBS.c.duration_s.is_not(None),
            _IS_OWN,
        )
        with self.read_only() as db:
            newest = query.order_by(JOBS.c.created_at.desc()).limit(samples)
            durations = sorted(duration for (duration,) in db.execute(newest))
        return durations[len(durations) // 2] if len(durations) >= 3 else None

    def recent_durations(self, record: JobRecord, *, last: int = 50) -> tuple[TaskDuration, ...]:
        """Return how long similar tasks took at the service, newest first.

        Similar tasks have the same service and model, and the same options if there are enough
        of them. Seeds, prompts and pictures are not compared.

        Args:
            record: The job to compare with.
            last: At most this many.
        """
        query = sa.select(JOBS.c.options, JOBS.c.duration_s, JOBS.c.started_after_s).where(
            JOBS.c.model == record.request.model,
            JOBS.c.profile == record.profile,
            JOBS.c.service == record.service,
            JOBS.c.duration_s > 0,
            _IS_OWN,
        )
        with self.read_only() as db:
            newest = query.order_by(JOBS.c.created_at.desc()).limit(_MAX_SEARCHED)
            rows = list(db.execute(newest))
        options = _relevant_options(dict(record.request.redacted_options))
        alike = [row for row in rows if _relevant_options(json.loads(row.options)) == options]
        chosen = alike if len(alike) >= _ENOUGH_ALIKE else rows
        return tuple(TaskDuration(row.duration_s, row.started_after_s) for row in chosen[:last])


def _relevant_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return what may influence the duration: sizes, qualities, numbers of pictures."""
    return {
        name: len(value) if isinstance(value, list) else value
        for name, value in options.items()
        if name != "seed" and not (isinstance(value, str) and len(value) > 40)
    }
