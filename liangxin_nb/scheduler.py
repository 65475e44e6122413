"""The only polling loop: it asks about every followed task in turn, and never too often."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .errors import LiangxinError, ServiceError, StillRunning, Unreachable
from .pacing import Pace
from .record import Record

__all__ = ["Scheduler"]

_HURRIED = 1.0  # seconds between two hurried questions about one task
Ask = Callable[[str], Awaitable[Record]]
Told = Callable[[Record | LiangxinError], None]


@dataclass(order=True)
class _Followed:
    """One task in the queue, ordered by when it is asked about next."""

    due: float
    turn: int
    task_id: str = field(compare=False)
    ask: Ask = field(compare=False)
    told: Told = field(compare=False)
    since: float = field(compare=False)
    patience: float = field(compare=False)
    ended: asyncio.Future[Record] = field(compare=False)
    not_before: float = field(default=0.0, compare=False)
    soon: float = field(default=float("inf"), compare=False)
    trouble: LiangxinError | None = field(default=None, compare=False)


class Scheduler:
    """Follows tasks to their end; lives on the private loop alone.

    `follow` may be cancelled at any time: the task is then asked about no more.
    """

    def __init__(
        self, pace: Pace | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pace = pace or Pace()
        self._clock = clock
        self._queue: list[_Followed] = []
        self._followed: dict[str, _Followed] = {}
        self._early: set[str] = set()
        self._turns = itertools.count()
        self._news: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def follow(self, task_id: str, ask: Ask, told: Told, patience: float) -> Record:
        """The task's final record; every answer on the way goes to `told`, transient trouble too.

        Raises `StillRunning` after `patience` seconds, and what the service says finally.
        """
        now = self._clock()
        ended: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        first = now + self._pace.wait(0.0, random.random())  # noqa: S311 jitter
        entry = _Followed(first, next(self._turns), task_id, ask, told, now, patience, ended)
        self._followed[task_id] = entry
        self._put(entry)
        if task_id in self._early:
            self._early.discard(task_id)
            self.hurry(task_id)
        try:
            return await ended
        finally:
            if self._followed.get(task_id) is entry:
                del self._followed[task_id]

    def hurry(self, task_id: str) -> None:
        """Asks about a task at once: somebody says that it has ended.

        At most once a second for each task, never before the service's own word, and within the
        spacing of all questions. Of a task that is not followed yet it is remembered.
        """
        entry = self._followed.get(task_id)
        if entry is None:
            self._early.add(task_id)
            return
        entry.soon = max(self._clock(), entry.not_before)
        if entry in self._queue and entry.soon < entry.due:
            entry.due = entry.soon
            heapq.heapify(self._queue)
            assert self._news is not None
            self._news.set()

    def _put(self, entry: _Followed) -> None:
        heapq.heappush(self._queue, entry)
        if self._running is None or self._running.done():
            self._news = asyncio.Event()
            self._running = asyncio.get_running_loop().create_task(self._run())
        if self._news is not None:
            self._news.set()

    async def _run(self) -> None:
        """Takes the queue's head when it is due; ends when nothing is followed any more."""
        assert self._news is not None
        while self._queue or self._asking:
            self._news.clear()
            pause = self._queue[0].due - self._clock() if self._queue else None
            if pause is None or pause > 0:
                await _until(self._news, pause)
                continue
            entry = heapq.heappop(self._queue)
            if entry.ended.done():
                continue
            if entry.due >= entry.soon:
                entry.not_before = self._clock() + _HURRIED
            entry.soon = float("inf")
            asking = asyncio.get_running_loop().create_task(self._ask(entry))
            self._asking.add(asking)
            asking.add_done_callback(self._answered)
            await asyncio.sleep(self._pace.spacing)

    def _answered(self, asking: asyncio.Task[None]) -> None:
        self._asking.discard(asking)
        if self._news is not None:
            self._news.set()

    async def _ask(self, entry: _Followed) -> None:
        """One question, and what follows from the answer: the end, or the next question."""
        try:
            answer: Record | LiangxinError = await entry.ask(entry.task_id)
        except (Unreachable, ServiceError) as error:
            answer = error
        except Exception as error:  # a defect must end the wait, not hang it
            _fail(entry, error)
            return
        if entry.ended.done():
            return
        if isinstance(answer, LiangxinError) and not self._passing(entry, answer):
            _fail(entry, answer)
            return
        entry.trouble = answer if isinstance(answer, LiangxinError) else None
        entry.told(answer)
        if isinstance(answer, Record) and answer.state.final:
            entry.ended.set_result(answer)
        else:
            self._again(entry, answer)

    def _passing(self, entry: _Followed, error: LiangxinError) -> bool:
        """Whether the trouble may pass: just after its creation a task may not be known yet."""
        young = self._clock() - entry.since < self._pace.grace
        return error.retryable or (young and getattr(error, "absent", False))

    def _again(self, entry: _Followed, answer: Record | LiangxinError) -> None:
        now = self._clock()
        elapsed = now - entry.since
        if elapsed >= entry.patience:
            _fail(entry, _still_running(entry))
            return
        pause = self._pace.wait(elapsed, random.random())  # noqa: S311 jitter
        asked = min(getattr(answer, "retry_after", None) or 0.0, self._pace.longest)
        left = entry.patience - elapsed
        entry.not_before = max(entry.not_before, now + asked)
        due = now + min(max(pause, asked), left)
        entry.due = min(due, max(entry.soon, entry.not_before))
        entry.turn = next(self._turns)
        self._put(entry)


async def _until(news: asyncio.Event, pause: float | None) -> None:
    try:
        async with asyncio.timeout(pause):
            await news.wait()
    except TimeoutError:
        pass


def _fail(entry: _Followed, error: Exception) -> None:
    if not entry.ended.done():
        entry.ended.set_exception(error)


def _still_running(entry: _Followed) -> StillRunning:
    trouble = f" The last question failed: {entry.trouble.message}" if entry.trouble else ""
    return StillRunning(
        f"Task {entry.task_id} is still running after {entry.patience:.0f} s.{trouble}",
        task_id=entry.task_id,
        next_step=f"It goes on at the service; collect it with %liangxin resume {entry.task_id}",
    )
