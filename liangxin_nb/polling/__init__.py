"""Decide when to poll, and poll.

`PollSchedule` is what the services' documents recommend. `AdaptiveSchedule` learns from the
ledger's own tasks: it polls once early to show the state, rarely while an end is improbable, and
often when an end is likely; it uses the documented schedule for a task that takes longer than all
earlier ones.
"""

from __future__ import annotations

from .adaptive_schedule import AdaptiveSchedule, build_schedule
from .duration_model import DurationModel, TaskDuration
from .poller import Poller, PollLimiter
from .schedule import PollSchedule

__all__ = [
    "AdaptiveSchedule",
    "DurationModel",
    "PollLimiter",
    "PollSchedule",
    "Poller",
    "TaskDuration",
    "build_schedule",
]
