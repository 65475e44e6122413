"""When to ask again: pure rules, without a clock and without a socket.

`Pace` is what the services' documents ask for. `Plan` is what this ledger's own tasks teach: ask
once early to show the state, keep quiet while an end is improbable, ask closely where ends are
likely, and go back to the documents when a task outlives all experience.
"""

from __future__ import annotations

from .adaptive_schedule import Plan, plan
from .duration_model import Experience
from .poller import Scheduler
from .schedule import Pace
from .task_duration import Lived
from .tracked_task import Turns

__all__ = ["Experience", "Lived", "Pace", "Plan", "Scheduler", "Turns", "plan"]
