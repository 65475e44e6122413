"""Usage by day, and the daily limits on tasks and credits."""

from __future__ import annotations

import time
from collections import defaultdict

from ..config.settings import Settings
from ..core.formatting import local_datetime
from ..core.job_record import JobRecord
from ..core.table import Table
from ..errors import InvalidRequestError
from .database import JOBS
from .ledger import Ledger
from .mapping import from_row

__all__ = ["check_limits", "latest_day_summary", "usage_by_day"]

_NOT_BILLED = ("rejected",)  # by the service, or not delivered to it
_NEXT = "Raise it with %config LiangXin.{name} = …, or wait for tomorrow."


def usage_by_day(ledger: Ledger) -> Table:
    """Return the tasks and credits per day and model, newest day first.

    Credits are what the service reported; a dash if it reported none.
    """
    groups: dict[tuple[str, str], list[JobRecord]] = defaultdict(list)
    for record in _billable_jobs(ledger):
        groups[_day(record.created_at), record.request.model].append(record)
    rows = [
        (day, model, len(records), _credits(records))
        for (day, model), records in sorted(groups.items(), reverse=True)
    ]
    return Table(("day", "model", "tasks", "credits"), rows, "No task yet.")


def latest_day_summary(ledger: Ledger) -> str:
    """Return the tasks and credits of the last day on one line; empty without any task."""
    rows = list(usage_by_day(ledger))
    day = rows[0]["day"] if rows else ""
    parts = [
        f"{row['tasks']} {row['model']}"
        + (f" ({row['credits']:g} credits)" if isinstance(row["credits"], float) else "")
        for row in rows
        if row["day"] == day
    ]
    return f"{day}: {', '.join(parts)}. %liangxin credits lists every day." if parts else ""


def check_limits(ledger: Ledger, settings: Settings, *models: str) -> None:
    """Check that new tasks stay within the limits of today.

    Args:
        ledger: The ledger with the tasks of today.
        settings: `max_tasks` limits the number of tasks. `max_credits` limits the credits: the
            sum that the service reported today, plus the cost of the last task of each model.
        *models: The model of each new task.

    Raises:
        InvalidRequestError: If a limit would be exceeded.
    """
    if settings.max_tasks is None and settings.max_credits is None:
        return
    today = _day(time.time())
    billable = [r for r in _billable_jobs(ledger) if r.profile == settings.profile]
    of_today = [record for record in billable if _day(record.created_at) == today]
    if settings.max_tasks is not None and len(of_today) + len(models) > settings.max_tasks:
        more = f" and these are {len(models)} more" if len(models) > 1 else ""
        raise InvalidRequestError(
            f"{len(of_today)} tasks were submitted today{more}, the limit is {settings.max_tasks}; "
            "nothing was sent.",
            next_step=_NEXT.format(name="max_tasks"),
        )
    used = sum(record.credits or 0.0 for record in of_today)
    last_costs = {name: _last_cost(billable, name) for name in set(models)}
    cost, limit = sum(last_costs[name] for name in models), settings.max_credits
    if limit is not None and (used + cost > limit or used >= limit):
        subject = f"these {len(models)} tasks would" if len(models) > 1 else f"{models[0]} last"
        raise InvalidRequestError(
            f"{used:g} credits were used today and {subject} cost {cost:g}, the limit is "
            f"{limit:g}; nothing was sent.",
            next_step=_NEXT.format(name="max_credits"),
        )


def _last_cost(records: list[JobRecord], model: str) -> float:
    costs = (r.credits for r in records if r.request.model == model and r.credits is not None)
    return next(costs, 0.0)


def _billable_jobs(ledger: Ledger) -> list[JobRecord]:
    """Return every job that was or may be billed here, newest first: no imported one."""
    query = JOBS.select().where(JOBS.c.origin == "", JOBS.c.status.not_in(_NOT_BILLED))
    with ledger.read_only() as db:
        newest = db.execute(query.order_by(JOBS.c.created_at.desc()))
        return [from_row(row) for row in newest.mappings()]


def _credits(records: list[JobRecord]) -> float | str:
    reported = [record.credits for record in records if record.credits is not None]
    return sum(reported) if reported else "–"


def _day(unix_time: float) -> str:
    return f"{local_datetime(unix_time):%Y-%m-%d}"
