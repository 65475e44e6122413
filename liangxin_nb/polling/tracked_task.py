"""One followed task, and the turns in which questions may be asked."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..core.task import TaskRecord
from ..errors import LiangxinError
from .adaptive_schedule import AdaptiveSchedule

__all__ = ["FixedIntervalLimiter", "OnAnswer", "Poll", "PollLimiter", "TrackedTask"]

_AGED = 15.0  # floors of the pace after which a late question goes before any likely one
Poll = Callable[[str], Awaitable[TaskRecord]]
OnAnswer = Callable[[TaskRecord | LiangxinError], None]


class PollLimiter(Protocol):
    """How often all may ask together (the budget knows)."""

    async def acquire_poll(self) -> None:
        """Returns when one question may be asked."""

    async def back_off(self, call: str, seconds: float | None) -> None:
        """The service said 429, and for how long."""


class FixedIntervalLimiter:
    """A scheduler's own turns, where no budget is shared: `interval_s` seconds apart."""

    def __init__(self, interval_s: float) -> None:
        self._spacing = interval_s
        self._next = 0.0

    async def acquire_poll(self) -> None:
        """Waits for this scheduler's next turn."""
        clock = asyncio.get_running_loop().time
        while (pause := self._next - clock()) > 0:
            await asyncio.sleep(pause)
        self._next = clock() + self._spacing

    async def back_off(self, call: str, seconds: float | None) -> None:
        """Each task keeps what it was told."""


@dataclass(order=True)
class TrackedTask:
    """One task in the queue, ordered by when it is asked about next."""

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

    def next_interval(self, now: float) -> float:
        """Seconds to the next question by the plan."""
        chance = random.random()  # noqa: S311 jitter
        if self.polls == 0 and self.age > 0:
            return self.schedule.documented.wait(
                0.0, chance
            )  # taken up again: it may have ended long ago
        return self.schedule.wait(
            now - self.tracked_since + self.age, self.polls, chance, self.started_after_s
        )

    def observe(self, task: TaskRecord, now: float) -> None:
        """What an answer to a question asked at `now` tells of the work: queued, or begun when."""
        before, self.last_poll = self.last_poll, now
        if task.state in ("waiting", "queuing"):
            self.started_after_s = math.inf
        elif task.state == "generating" and self.started_after_s in (None, math.inf):
            # The service's word counts within what was seen; without one, when it was seen.
            start = self.tracked_since - self.age
            seen, queued = now - start, before - start if self.started_after_s else 0.0
            self.started_after_s = (
                seen
                if task.started_after_s is None
                else min(seen, max(queued, task.started_after_s))
            )

    def urgency(self, now: float) -> float:
        """How likely the question ends a wait; one that is late for long comes before any."""
        if self.poll_soon_at <= now:
            return 2.0
        start = self.tracked_since - self.age
        likely = self.schedule.probability(
            max(0.0, self.last_poll - start), now - start, self.started_after_s
        )
        return likely + (now - self.due_at) / max(
            1e-6, _AGED * self.schedule.documented.min_interval_s
        )
