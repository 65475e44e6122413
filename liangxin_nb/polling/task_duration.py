"""How long one finished task took."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TaskDuration"]


class TaskDuration(NamedTuple):
    """The seconds that a task took at the service, and after how many the work on it began.

    `started_after_s`: None where no one knows.
    """

    duration_s: float
    started_after_s: float | None = None
