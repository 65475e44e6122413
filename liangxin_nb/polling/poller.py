"""The only polling loop: it asks about every followed task in turn, and never too often."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

from ..core.task import Record
from ..errors import APIConnectionError, APIError, LiangxinError, WaitTimeoutError
from .adaptive_schedule import Plan, plan
from .schedule import Pace
from .tracked_task import Ask, Followed, OwnTurns, Told, Turns

__all__ = ["Scheduler"]

_HURRIED = 1.0  # seconds between two hurried questions about one task
_MOST_EARLY = 1000  # hints remembered of tasks that nobody follows yet


class Scheduler:
    """Follows tasks to their end; lives on the private loop alone.

    `turns`: when one of all the questions may be asked, default the pace's spacing. `follow` may
    be cancelled at any time: the task is then asked about no more.
    """

    def __init__(
        self,
        pace: Pace | None = None,
        turns: Turns | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pace = pace or Pace()
        self._turns = turns or OwnTurns(self._pace.spacing)
        self._clock = clock
        self._queue: list[Followed] = []
        self._ready: list[Followed] = []
        self._followed: dict[str, Followed] = {}
        self._early: dict[str, None] = {}
        self._numbers = itertools.count()
        self._news: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def follow(
        self,
        task_id: str,
        ask: Ask,
        told: Told,
        patience: float,
        *,
        learned: Plan | None = None,
        age: float = 0.0,
    ) -> Record:
        """The task's final record; every answer on the way goes to `told`, transient trouble too.

        `learned`: the plan for tasks like it, default the documented schedule; `age`: seconds
        since it was accepted. Raises `WaitTimeoutError` after `patience` seconds, and what the
        service says finally.
        """
        now = self._clock()
        entry = Followed(
            0.0, next(self._numbers), task_id, ask, told, learned or plan(self._pace), now, age,
            patience, asyncio.get_running_loop().create_future(), last=now - age,
        )  # fmt: skip
        entry.due = now + min(entry.pause(now), patience)
        self._followed[task_id] = entry
        self._put(entry)
        if task_id in self._early:
            del self._early[task_id]
            self.hurry(task_id)
        try:
            return await entry.ended
        finally:
            if self._followed.get(task_id) is entry:
                del self._followed[task_id]
            self._forget(entry)

    def hurry(self, task_id: str) -> None:
        """Asks about a task at once: somebody says that it has ended.

        At most once a second for each task, never before the service's own word, and within the
        spacing of all questions. Of a task that is not followed yet it is remembered.
        """
        entry = self._followed.get(task_id)
        if entry is None:
            self._early[task_id] = None
            if len(self._early) > _MOST_EARLY:
                del self._early[next(iter(self._early))]
            return
        entry.soon = max(self._clock(), entry.not_before)
        if entry in self._queue and entry.soon < entry.due:
            entry.due = entry.soon
            heapq.heapify(self._queue)
            assert self._news is not None
            self._news.set()

    def _forget(self, entry: Followed) -> None:
        """Nothing of a task stays here once nobody follows it."""
        if entry in self._queue:
            self._queue.remove(entry)
            heapq.heapify(self._queue)
        if self._news is not None:
            self._news.set()

    def _put(self, entry: Followed) -> None:
        heapq.heappush(self._queue, entry)
        if self._running is None or self._running.done():
            self._news = asyncio.Event()
            self._running = asyncio.get_running_loop().create_task(self._run())
        if self._news is not None:
            self._news.set()

    async def _run(self) -> None:
        """Asks whenever something is due and a turn is there; ends when nothing is followed."""
        assert self._news is not None
        while self._queue or self._ready or self._asking:
            self._news.clear()
            self._gather()
            if not self._ready:
                await _until(
                    self._news, self._queue[0].due - self._clock() if self._queue else None
                )
                continue
            await self._turns.query()
            if entry := self._likeliest():
                self._start(entry)

    def _gather(self) -> None:
        """Moves what is due from the queue to the questions that are ready."""
        now = self._clock()
        while self._queue and self._queue[0].due <= now:
            self._ready.append(heapq.heappop(self._queue))
        self._ready = [entry for entry in self._ready if not entry.ended.done()]

    def _likeliest(self) -> Followed | None:
        """Of the questions that are ready, the one most likely to end a wait."""
        self._gather()
        if not self._ready:
            return None
        now = self._clock()
        entry = max(self._ready, key=lambda entry: (entry.urgency(now), -entry.turn))
        self._ready.remove(entry)
        return entry

    def _start(self, entry: Followed) -> None:
        now = self._clock()
        if now >= entry.soon:
            entry.not_before = now + _HURRIED
        entry.soon = float("inf")
        entry.asked += 1
        asking = asyncio.get_running_loop().create_task(self._ask(entry))
        self._asking.add(asking)
        asking.add_done_callback(self._answered)

    def _answered(self, asking: asyncio.Task[None]) -> None:
        self._asking.discard(asking)
        if self._news is not None:
            self._news.set()

    async def _ask(self, entry: Followed) -> None:
        """One question, and what follows from the answer: the end, or the next question."""
        begun = self._clock()
        try:
            answer: Record | LiangxinError = await entry.ask(entry.task_id)
        except (APIConnectionError, APIError) as error:
            answer = error
        except Exception as error:  # a defect must end the wait, not hang it
            _fail(entry, error)
            return
        if isinstance(answer, APIError) and answer.number == 429:
            await self._turns.refused("recordInfo", answer.retry_after)
        if entry.ended.done():
            return
        if isinstance(answer, LiangxinError) and not self._passing(entry, answer):
            _fail(entry, answer)
            return
        entry.trouble = answer if isinstance(answer, LiangxinError) else None
        if isinstance(answer, Record):
            entry.heard(answer, begun)
        entry.told(answer)
        if isinstance(answer, Record) and answer.state.final:
            entry.ended.set_result(answer)
        else:
            self._again(entry, answer)

    def _passing(self, entry: Followed, error: LiangxinError) -> bool:
        """Whether the trouble may pass: just after its creation a task may not be known yet."""
        young = self._clock() - entry.since < self._pace.grace
        return error.retryable or (young and getattr(error, "absent", False))

    def _again(self, entry: Followed, answer: Record | LiangxinError) -> None:
        now = self._clock()
        elapsed = now - entry.since
        if elapsed >= entry.patience:
            _fail(entry, _still_running(entry))
            return
        asked = min(getattr(answer, "retry_after", None) or 0.0, self._pace.longest)
        entry.not_before = max(entry.not_before, now + asked)
        due = now + min(max(entry.pause(now), asked), entry.patience - elapsed)
        entry.due = min(due, max(entry.soon, entry.not_before))
        entry.turn = next(self._numbers)
        self._put(entry)


async def _until(news: asyncio.Event, pause: float | None) -> None:
    try:
        async with asyncio.timeout(pause):
            await news.wait()
    except TimeoutError:
        pass


def _fail(entry: Followed, error: Exception) -> None:
    if not entry.ended.done():
        entry.ended.set_exception(error)


def _still_running(entry: Followed) -> WaitTimeoutError:
    trouble = f" The last question failed: {entry.trouble.message}" if entry.trouble else ""
    return WaitTimeoutError(
        f"Task {entry.task_id} is still running after {entry.patience:.0f} s.{trouble}",
        task_id=entry.task_id,
        next_step=f"It goes on at the service; collect it with %liangxin resume {entry.task_id}",
    )
