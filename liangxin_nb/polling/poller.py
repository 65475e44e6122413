"""The poller: one loop for all followed tasks, within the rate limit."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ..core.outcomes import RecordOutcome, decide_record
from ..core.task import TaskRecord
from ..errors import APIError, LiangxinError, WaitTimeoutError
from .adaptive_schedule import AdaptiveSchedule, build_schedule
from .schedule import PollSchedule
from .tracked_task import OnAnswer, Poll, TrackedTask

__all__ = ["FixedIntervalLimiter", "PollLimiter", "Poller"]

_MIN_HINT_INTERVAL_S = 1.0  # seconds between two polls of one task because of hints
_LAST_POLL_LEAD_S = 3.0  # seconds for the answer to the last poll before the patience ends
_SLEPT_S = 5.0  # seconds of delay that mean that the machine slept
_MAX_EXTENSION_S = 30.0  # seconds for one more poll after that
_MAX_EARLY_HINTS = 1000  # stored hints about tasks that are not followed yet


class PollLimiter(Protocol):
    """The part of the shared rate limiter that polls use."""

    async def acquire_poll(self) -> None:
        """Wait until one poll request may be sent."""

    async def back_off(self, call: str, seconds: float | None) -> None:
        """Pause a kind of request for as long as a 429 response asks; None if it does not say."""


class FixedIntervalLimiter:
    """The limiter of a poller that shares its rate with no one."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next = 0.0

    async def acquire_poll(self) -> None:
        """Wait for the next interval."""
        clock = asyncio.get_running_loop().time
        while (pause := self._next - clock()) > 0:
            await asyncio.sleep(pause)
        self._next = clock() + self._interval_s

    async def back_off(self, call: str, seconds: float | None) -> None:
        """Do nothing: each task waits as long as its own answer asks."""


class Poller:
    """Follows tasks to their end; for the background loop only."""

    def __init__(
        self,
        schedule: PollSchedule | None = None,
        limiter: PollLimiter | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a poller.

        Args:
            schedule: By default the documented one.
            limiter: The rate limiter of all polls, by default the schedule's interval.
            clock: Returns monotonic seconds.
        """
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
        """Follow a task to its end; can be cancelled at any time.

        Args:
            task_id: The service's id.
            poll: Sends one poll request.
            on_answer: Receives every answer, including errors after which polling continues.
            patience: Seconds after which following ends, even while a poll waits for its answer.
            schedule: When to poll, by default the documented schedule.
            age: Seconds since the task was submitted.

        Returns:
            The final task record.

        Raises:
            WaitTimeoutError: If the task is still running after `patience` seconds.
            APIError: If the service repeatedly does not know the task, or rejects the key.
        """
        now = self._clock()
        entry = TrackedTask(
            0.0, next(self._numbers), task_id, poll, on_answer,
            schedule or build_schedule(self._schedule), now, age, patience,
            asyncio.get_running_loop().create_future(), last_poll=now - age,
        )  # fmt: skip
        entry.due_at = now + self._limit_interval(entry, now, entry.next_interval(now))
        self._tracked[task_id] = entry
        self._push(entry)
        if task_id in self._early_hints:
            del self._early_hints[task_id]
            self.poll_now(task_id)
        try:
            return await self._wait_for_end(entry)
        finally:
            self._remove(entry)

    async def _wait_for_end(self, entry: TrackedTask) -> TaskRecord:
        """Wait for the final record; if the machine slept, for one more poll."""
        await asyncio.wait({entry.future}, timeout=entry.patience)
        if not entry.future.done() and self._clock() - entry.end > _SLEPT_S:
            self.poll_now(entry.task_id)
            await asyncio.wait({entry.future}, timeout=min(entry.patience, _MAX_EXTENSION_S))
        if not entry.future.done():
            raise _build_timeout_error(entry)
        return entry.future.result()

    def poll_now(self, task_id: str) -> None:
        """Poll a task as soon as possible, because of a hint that it has ended.

        Each task is polled at most once per second because of hints, and not during a pause that
        the service has asked for.

        Args:
            task_id: The task; if it is not followed yet, it is polled when it is.
        """
        entry = self._tracked.get(task_id)
        if entry is None:
            self._early_hints[task_id] = None
            if len(self._early_hints) > _MAX_EARLY_HINTS:
                del self._early_hints[next(iter(self._early_hints))]
            return
        entry.poll_soon_at = max(self._clock(), entry.not_before)
        if entry in self._queue:
            entry.due_at = min(entry.due_at, entry.poll_soon_at)
            heapq.heapify(self._queue)
            assert self._wake is not None
            self._wake.set()

    def _remove(self, entry: TrackedTask) -> None:
        """Remove a task that is no longer followed, and a poll that is being sent."""
        entry.future.cancel()
        if entry.polling is not None:
            entry.polling.cancel()
        if self._tracked.get(entry.task_id) is entry:
            del self._tracked[entry.task_id]
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
        """Poll what is due, within the rate limit; end when no task is followed."""
        assert self._wake is not None
        while self._queue or self._ready or self._polls:
            self._wake.clear()
            self._collect_due()
            if not self._ready:
                await _wait_for_event(
                    self._wake, self._queue[0].due_at - self._clock() if self._queue else None
                )
                continue
            await self._limiter.acquire_poll()
            if entry := self._take_most_urgent():
                self._start_poll(entry)

    def _collect_due(self) -> None:
        """Move the tasks that are due from the queue to the ready list."""
        now = self._clock()
        while self._queue and self._queue[0].due_at <= now:
            self._ready.append(heapq.heappop(self._queue))
        self._ready = [entry for entry in self._ready if not entry.future.done()]

    def _take_most_urgent(self) -> TrackedTask | None:
        """Take the ready task that has most likely ended."""
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
        polling = asyncio.get_running_loop().create_task(self._poll(entry))
        entry.polling = polling
        self._polls.add(polling)
        polling.add_done_callback(self._on_poll_done)

    def _on_poll_done(self, polling: asyncio.Task[None]) -> None:
        self._polls.discard(polling)
        if self._wake is not None:
            self._wake.set()

    async def _poll(self, entry: TrackedTask) -> None:
        """Send one poll request; end following, or schedule the next poll."""
        sent_at = self._clock()
        try:
            answer: TaskRecord | LiangxinError = await entry.poll(entry.task_id)
        except LiangxinError as error:
            answer = error
        except Exception as error:  # a bug must end following, not block it
            _fail(entry, error)
            return
        if isinstance(answer, APIError) and answer.number == 429:
            await self._limiter.back_off("recordInfo", answer.retry_after)
        if entry.future.done():
            return
        age = sent_at - entry.tracked_since + entry.age
        decision = decide_record(answer, entry.history, sent_at, age)
        entry.history = decision.history
        entry.last_error = answer if isinstance(answer, LiangxinError) else None
        if decision.ends_wait and isinstance(answer, LiangxinError):
            if decision.outcome == RecordOutcome.KEY_REJECTED:
                answer.next_step += f" Then collect the task: %liangxin resume {entry.task_id}"
            _fail(entry, answer)
            return
        if isinstance(answer, TaskRecord):
            entry.observe(answer, sent_at)
        entry.on_answer(answer)
        if isinstance(answer, TaskRecord) and decision.ends_wait:
            entry.future.set_result(answer)
        else:
            self._reschedule(entry, answer)

    def _reschedule(self, entry: TrackedTask, answer: TaskRecord | LiangxinError) -> None:
        now = self._clock()
        pause = min(getattr(answer, "retry_after", None) or 0.0, self._schedule.max_block_s)
        entry.not_before = max(entry.not_before, now + pause)
        due = now + self._limit_interval(entry, now, max(entry.next_interval(now), pause))
        entry.due_at = min(due, max(entry.poll_soon_at, entry.not_before))
        entry.number = next(self._numbers)
        self._push(entry)

    def _limit_interval(self, entry: TrackedTask, now: float, interval: float) -> float:
        """Return an interval that leaves time for one last poll before the patience ends."""
        remaining = entry.end - min(_LAST_POLL_LEAD_S, entry.patience / 5) - now
        return min(interval, remaining) if remaining > 0 else interval


async def _wait_for_event(event: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _fail(entry: TrackedTask, error: Exception) -> None:
    if not entry.future.done():
        entry.future.set_exception(error)


def _build_timeout_error(entry: TrackedTask) -> WaitTimeoutError:
    note = f" The last poll failed: {entry.last_error.message}" if entry.last_error else ""
    return WaitTimeoutError(
        f"Task {entry.task_id} is still running after {entry.patience:g} s.{note}",
        task_id=entry.task_id,
        next_step=f"The service continues it; collect it with %liangxin resume {entry.task_id}",
    )
