"""The only polling loop: it asks about every followed task in turn, and never too often."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

from ..core.task import TaskRecord
from ..errors import APIConnectionError, APIError, LiangxinError, WaitTimeoutError
from .adaptive_schedule import AdaptiveSchedule, build_schedule
from .schedule import PollSchedule
from .tracked_task import FixedIntervalLimiter, OnAnswer, Poll, PollLimiter, TrackedTask

__all__ = ["Poller"]

_MIN_HINT_INTERVAL_S = 1.0  # seconds between two hurried questions about one task
_MAX_EARLY_HINTS = 1000  # hints remembered of tasks that no one follows yet


class Poller:
    """Follows tasks to their end; lives on the private loop alone.

    `limiter`: when one of all the questions may be asked, default the pace's spacing. `follow` may
    be cancelled at any time: the task is then asked about no more.
    """

    def __init__(
        self,
        schedule: PollSchedule | None = None,
        limiter: PollLimiter | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._schedule = schedule or PollSchedule()
        self._limiter = limiter or FixedIntervalLimiter(self._schedule.poll_interval_s)
        self._clock = clock
        self._queue: list[TrackedTask] = []
        self._ready: list[TrackedTask] = []
        self._tracked: dict[str, TrackedTask] = {}
        self._early_hints: dict[str, None] = {}
        self._numbers = itertools.count()
        self._wake: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None
        self._polls: set[asyncio.Task[None]] = set()

    async def follow(
        self,
        task_id: str,
        poll: Poll,
        on_answer: OnAnswer,
        patience: float,
        *,
        schedule: AdaptiveSchedule | None = None,
        age: float = 0.0,
    ) -> TaskRecord:
        """The task's final record; every answer on the way goes to `on_answer`, transient trouble
        too.

        `schedule`: the plan for tasks like it, default the documented schedule; `age`: seconds
        since it was accepted. Raises `WaitTimeoutError` after `patience` seconds, and what the
        service says finally.
        """
        now = self._clock()
        entry = TrackedTask(
            0.0,
            next(self._numbers),
            task_id,
            poll,
            on_answer,
            schedule or build_schedule(self._schedule),
            now,
            age,
            patience,
            asyncio.get_running_loop().create_future(),
            last_poll=now - age,
        )
        entry.due_at = now + min(entry.next_interval(now), patience)
        self._tracked[task_id] = entry
        self._push(entry)
        if task_id in self._early_hints:
            del self._early_hints[task_id]
            self.poll_now(task_id)
        try:
            return await entry.future
        finally:
            if self._tracked.get(task_id) is entry:
                del self._tracked[task_id]
            self._forget(entry)

    def poll_now(self, task_id: str) -> None:
        """Asks about a task at once: someone says that it has ended.

        At most once a second for each task, never before the service's own word, and within the
        spacing of all questions. Of a task that is not followed yet it is remembered.
        """
        entry = self._tracked.get(task_id)
        if entry is None:
            self._early_hints[task_id] = None
            if len(self._early_hints) > _MAX_EARLY_HINTS:
                del self._early_hints[next(iter(self._early_hints))]
            return
        entry.poll_soon_at = max(self._clock(), entry.not_before)
        if entry in self._queue and entry.poll_soon_at < entry.due_at:
            entry.due_at = entry.poll_soon_at
            heapq.heapify(self._queue)
            assert self._wake is not None
            self._wake.set()

    def _forget(self, entry: TrackedTask) -> None:
        """Nothing of a task stays here once no one follows it."""
        if entry in self._queue:
            self._queue.remove(entry)
            heapq.heapify(self._queue)
        if self._wake is not None:
            self._wake.set()

    def _push(self, entry: TrackedTask) -> None:
        heapq.heappush(self._queue, entry)
        if self._running is None or self._running.done():
            self._wake = asyncio.Event()
            self._running = asyncio.get_running_loop().create_task(self._run())
        if self._wake is not None:
            self._wake.set()

    async def _run(self) -> None:
        """Asks whenever something is due and a turn is there; ends when nothing is followed."""
        assert self._wake is not None
        while self._queue or self._ready or self._polls:
            self._wake.clear()
            self._collect_due()
            if not self._ready:
                await _until(
                    self._wake, self._queue[0].due_at - self._clock() if self._queue else None
                )
                continue
            await self._limiter.acquire_poll()
            if entry := self._most_urgent():
                self._start_poll(entry)

    def _collect_due(self) -> None:
        """Moves what is due from the queue to the questions that are ready."""
        now = self._clock()
        while self._queue and self._queue[0].due_at <= now:
            self._ready.append(heapq.heappop(self._queue))
        self._ready = [entry for entry in self._ready if not entry.future.done()]

    def _most_urgent(self) -> TrackedTask | None:
        """Of the questions that are ready, the one most likely to end a wait."""
        self._collect_due()
        if not self._ready:
            return None
        now = self._clock()
        entry = max(self._ready, key=lambda entry: (entry.urgency(now), -entry.number))
        self._ready.remove(entry)
        return entry

    def _start_poll(self, entry: TrackedTask) -> None:
        now = self._clock()
        if now >= entry.poll_soon_at:
            entry.not_before = now + _MIN_HINT_INTERVAL_S
        entry.poll_soon_at = float("inf")
        entry.polls += 1
        asking = asyncio.get_running_loop().create_task(self._poll(entry))
        self._polls.add(asking)
        asking.add_done_callback(self._on_poll_done)

    def _on_poll_done(self, asking: asyncio.Task[None]) -> None:
        self._polls.discard(asking)
        if self._wake is not None:
            self._wake.set()

    async def _poll(self, entry: TrackedTask) -> None:
        """One question, and what follows from the answer: the end, or the next question."""
        begun = self._clock()
        try:
            answer: TaskRecord | LiangxinError = await entry.poll(entry.task_id)
        except (APIConnectionError, APIError) as error:
            answer = error
        except Exception as error:  # a defect must end the wait, not hang it
            _fail(entry, error)
            return
        if isinstance(answer, APIError) and answer.number == 429:
            await self._limiter.back_off("recordInfo", answer.retry_after)
        if entry.future.done():
            return
        if isinstance(answer, LiangxinError) and not self._on_transient_error(entry, answer):
            _fail(entry, answer)
            return
        entry.last_error = answer if isinstance(answer, LiangxinError) else None
        if isinstance(answer, TaskRecord):
            entry.observe(answer, begun)
        entry.on_answer(answer)
        if isinstance(answer, TaskRecord) and answer.state.is_final:
            entry.future.set_result(answer)
        else:
            self._reschedule(entry, answer)

    def _on_transient_error(self, entry: TrackedTask, error: LiangxinError) -> bool:
        """Whether the trouble may pass: just after its creation a task may not be known yet."""
        young = self._clock() - entry.tracked_since < self._schedule.grace_s
        return error.retryable or (young and getattr(error, "is_task_unknown", False))

    def _reschedule(self, entry: TrackedTask, answer: TaskRecord | LiangxinError) -> None:
        now = self._clock()
        elapsed = now - entry.tracked_since
        if elapsed >= entry.patience:
            _fail(entry, _still_running(entry))
            return
        asked = min(getattr(answer, "retry_after", None) or 0.0, self._schedule.max_block_s)
        entry.not_before = max(entry.not_before, now + asked)
        due = now + min(max(entry.next_interval(now), asked), entry.patience - elapsed)
        entry.due_at = min(due, max(entry.poll_soon_at, entry.not_before))
        entry.number = next(self._numbers)
        self._push(entry)


async def _until(news: asyncio.Event, pause: float | None) -> None:
    try:
        async with asyncio.timeout(pause):
            await news.wait()
    except TimeoutError:
        pass


def _fail(entry: TrackedTask, error: Exception) -> None:
    if not entry.future.done():
        entry.future.set_exception(error)


def _still_running(entry: TrackedTask) -> WaitTimeoutError:
    trouble = f" The last question failed: {entry.last_error.message}" if entry.last_error else ""
    return WaitTimeoutError(
        f"Task {entry.task_id} is still running after {entry.patience:.0f} s.{trouble}",
        task_id=entry.task_id,
        next_step=f"It goes on at the service; collect it with %liangxin resume {entry.task_id}",
    )
