"""One followed task, and the turns in which questions may be asked."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..core.task import Record
from ..errors import LiangxinError
from .adaptive_schedule import Plan

__all__ = ["Ask", "Followed", "OwnTurns", "Told", "Turns"]

_AGED = 15.0  # floors of the pace after which a late question goes before any likely one
Ask = Callable[[str], Awaitable[Record]]
Told = Callable[[Record | LiangxinError], None]


class Turns(Protocol):
    """How often all may ask together (the budget knows)."""

    async def query(self) -> None:
        """Returns when one question may be asked."""

    async def refused(self, call: str, seconds: float | None) -> None:
        """The service said 429, and for how long."""


class OwnTurns:
    """A scheduler's own turns, where no budget is shared: `spacing` seconds apart."""

    def __init__(self, spacing: float) -> None:
        self._spacing = spacing
        self._next = 0.0

    async def query(self) -> None:
        """Waits for this scheduler's next turn."""
        clock = asyncio.get_running_loop().time
        while (pause := self._next - clock()) > 0:
            await asyncio.sleep(pause)
        self._next = clock() + self._spacing

    async def refused(self, call: str, seconds: float | None) -> None:
        """Each task keeps what it was told."""


@dataclass(order=True)
class Followed:
    """One task in the queue, ordered by when it is asked about next."""

    due: float
    turn: int
    task_id: str = field(compare=False)
    ask: Ask = field(compare=False)
    told: Told = field(compare=False)
    plan: Plan = field(compare=False)
    since: float = field(compare=False)
    age: float = field(compare=False)
    patience: float = field(compare=False)
    ended: asyncio.Future[Record] = field(compare=False)
    asked: int = field(default=0, compare=False)
    last: float = field(default=0.0, compare=False)
    began: float | None = field(default=None, compare=False)
    not_before: float = field(default=0.0, compare=False)
    soon: float = field(default=float("inf"), compare=False)
    trouble: LiangxinError | None = field(default=None, compare=False)

    def pause(self, now: float) -> float:
        """Seconds to the next question by the plan."""
        chance = random.random()  # noqa: S311 jitter
        if self.asked == 0 and self.age > 0:
            return self.plan.pace.wait(0.0, chance)  # taken up again: it may have ended long ago
        return self.plan.wait(now - self.since + self.age, self.asked, chance, self.began)

    def heard(self, record: Record, now: float) -> None:
        """What an answer to a question asked at `now` tells of the work: queued, or begun when."""
        before, self.last = self.last, now
        if record.state in ("waiting", "queuing"):
            self.began = math.inf
        elif record.state == "generating" and self.began in (None, math.inf):
            # The service's word counts within what was seen; without one, when it was seen.
            start = self.since - self.age
            seen, queued = now - start, before - start if self.began else 0.0
            self.began = seen if record.began is None else min(seen, max(queued, record.began))

    def urgency(self, now: float) -> float:
        """How likely the question ends a wait; one that is late for long comes before any."""
        if self.soon <= now:
            return 2.0
        start = self.since - self.age
        likely = self.plan.chance(max(0.0, self.last - start), now - start, self.began)
        return likely + (now - self.due) / max(1e-6, _AGED * self.plan.pace.floor)
