"""What was spent, and the guard that stops the submit that would cross a limit."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime

from ..config.settings import Settings
from ..core.job_record import JobRecord
from ..core.table import Table
from ..errors import InvalidRequestError
from .ledger import Ledger

__all__ = ["check_limits", "latest_day_summary", "usage_by_day"]

_FREE = ("rejected",)  # said no to, or never arrived: not billed
_NEXT = "Raise it with %config LiangXin.{name} = …, or wait for tomorrow."


def usage_by_day(ledger: Ledger) -> Table:
    """Tasks and credits per day and model, the newest day first.

    Credits are what the service reported; a dash where it reported none.
    """
    sums: dict[tuple[str, str], list[JobRecord]] = defaultdict(list)
    for record in _billable(ledger):
        sums[_day(record.created_at), record.request.model].append(record)
    rows = [
        (day, model, len(records), _credits(records))
        for (day, model), records in sorted(sums.items(), reverse=True)
    ]
    return Table(("day", "model", "tasks", "credits"), rows, "Nothing was asked for yet.")


def latest_day_summary(ledger: Ledger) -> str:
    """The last day's tasks and credits by model, in one line; empty before the first task."""
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
    """Raises `InvalidRequestError` when one more task of each model today would cross a set limit.

    `max_tasks` counts tasks; `max_credits` adds what the service reported for today's, and what
    the last task of each model cost.
    """
    if settings.max_tasks is None and settings.max_credits is None:
        return
    today = _day(time.time())
    past = [t for t in _billable(ledger) if t.profile == settings.profile]
    spent = [record for record in past if _day(record.created_at) == today]
    if settings.max_tasks is not None and len(spent) + len(models) > settings.max_tasks:
        more = f" and these are {len(models)} more" if len(models) > 1 else ""
        raise InvalidRequestError(
            f"{len(spent)} tasks were asked for today{more}, the limit is {settings.max_tasks}; "
            "nothing was sent.",
            next_step=_NEXT.format(name="max_tasks"),
        )
    used = sum(record.credits or 0.0 for record in spent)
    last = {name: _last_cost(past, name) for name in set(models)}
    cost, limit = sum(last[name] for name in models), settings.max_credits
    if limit is not None and (used + cost > limit or used >= limit):
        what = f"these {len(models)} tasks would" if len(models) > 1 else f"{models[0]} last"
        raise InvalidRequestError(
            f"{used:g} credits were used today and {what} cost {cost:g}, the limit is "
            f"{limit:g}; nothing was sent.",
            next_step=_NEXT.format(name="max_credits"),
        )


def _last_cost(past: list[JobRecord], model: str) -> float:
    costs = (t.credits for t in past if t.request.model == model and t.credits is not None)
    return next(costs, 0.0)


def _billable(ledger: Ledger) -> list[JobRecord]:
    """Everything that was or may be billed, the newest first."""
    records = [t for t in ledger.list_jobs(limit=None) if t.status not in _FREE]
    return sorted(records, key=lambda record: record.created_at, reverse=True)


def _credits(records: list[JobRecord]) -> float | str:
    told = [record.credits for record in records if record.credits is not None]
    return sum(told) if told else "–"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"
