"""When to ask again: pure rules, without a clock and without a socket.

`PollSchedule` is what the services' documents ask for. `AdaptiveSchedule` is what this ledger's own
tasks teach: ask once early to show the state, keep quiet while an end is improbable, ask closely
where ends are likely, and go back to the documents when a task outlives all experience.
"""

from __future__ import annotations

from .adaptive_schedule import AdaptiveSchedule, build_schedule
from .duration_model import DurationModel
from .poller import Poller
from .schedule import PollSchedule
from .task_duration import TaskDuration
from .tracked_task import PollLimiter

__all__ = [
    "AdaptiveSchedule",
    "DurationModel",
    "PollLimiter",
    "PollSchedule",
    "Poller",
    "TaskDuration",
    "build_schedule",
]
