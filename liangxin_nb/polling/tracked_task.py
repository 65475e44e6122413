"""The state of one followed task."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..core.outcomes import PollHistory
from ..core.task import TaskRecord
from ..errors import LiangxinError
from .adaptive_schedule import AdaptiveSchedule

__all__ = ["OnAnswer", "Poll", "TrackedTask"]

_MAX_LATE = 15.0  # minimum intervals after which a late poll is more urgent than all likely ones
Poll = Callable[[str], Awaitable[TaskRecord]]
OnAnswer = Callable[[TaskRecord | LiangxinError], None]


@dataclass(order=True)
class TrackedTask:
    """One task in the poller's queue, ordered by the time of its next poll.

    Attributes:
        due_at: The time of the next poll.
        number: Orders tasks that are due at the same time.
        task_id: The service's id.
        poll: Sends one poll request.
        on_answer: Receives every answer.
        schedule: When to poll.
        tracked_since: The time at which following began.
        age: Seconds from the submission of the task until then.
        patience: Seconds after which following ends.
        future: The final task record.
        polls: The number of polls so far.
        last_poll: The time of the last answered poll.
        started_after_s: Seconds after which the work started; infinite while the task is queued.
        not_before: No poll is sent before this time.
        poll_soon_at: The time of the poll that a hint has requested.
        last_error: The error of the last poll, if it failed.
        history: What earlier answers mean for the next decision.
        polling: The poll that is being sent.
    """

    due_at: float
    number: int
    task_id: str = field(compare=False)
    poll: Poll = field(compare=False)
    on_answer: OnAnswer = field(compare=False)
    schedule: AdaptiveSchedule = field(compare=False)
    tracked_since: float = field(compare=False)
    age: float = field(compare=False)
    patience: float = field(compare=False)
    future: asyncio.Future[TaskRecord] = field(compare=False)
    polls: int = field(default=0, compare=False)
    last_poll: float = field(default=0.0, compare=False)
    started_after_s: float | None = field(default=None, compare=False)
    not_before: float = field(default=0.0, compare=False)
    poll_soon_at: float = field(default=float("inf"), compare=False)
    last_error: LiangxinError | None = field(default=None, compare=False)
    history: PollHistory = field(default=PollHistory(), compare=False)
    polling: asyncio.Task[None] | None = field(default=None, compare=False)

    @property
    def end(self) -> float:
        """The time at which the patience ends."""
        return self.tracked_since + self.patience

    def next_interval(self, now: float) -> float:
        """Return the seconds to the next poll by the schedule."""
        jitter = random.random()  # noqa: S311
        if self.polls == 0 and self.age > 0:
            # The task has been resumed, and may have ended long ago.
            return self.schedule.documented.wait(0.0, jitter)
        return self.schedule.wait(
            now - self.tracked_since + self.age, self.polls, jitter, self.started_after_s
        )

    def observe(self, task: TaskRecord, now: float) -> None:
        """Update the start of the work from an answer.

        Args:
            task: The answer.
            now: The time at which the poll was sent.
        """
        previous, self.last_poll = self.last_poll, now
        if task.state in ("waiting", "queuing"):
            self.started_after_s = math.inf
        elif task.state == "generating" and self.started_after_s in (None, math.inf):
            # The service's value is limited to the interval between the two polls.
            start = self.tracked_since - self.age
            latest, earliest = now - start, previous - start if self.started_after_s else 0.0
            self.started_after_s = (
                latest
                if task.started_after_s is None
                else min(latest, max(earliest, task.started_after_s))
            )

    def urgency(self, now: float) -> float:
        """Return how likely a poll finds that the task has ended; higher if it is overdue."""
        if self.poll_soon_at <= now:
            return 2.0
        start = self.tracked_since - self.age
        probability = self.schedule.probability(
            max(0.0, self.last_poll - start), now - start, self.started_after_s
        )
        return probability + (now - self.due_at) / max(
            1e-6, _MAX_LATE * self.schedule.documented.min_interval_s
        )
