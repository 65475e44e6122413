"""The work on a batch: as many tasks in flight as the window allows, on the private loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from ..core.job_record import JobRecord, JobUpdate
from ..errors import InvalidRequestError, LiangxinError, WaitTimeoutError
from ..session import Session
from ..session.job import Job
from .outcome import Progress
from .state import BatchState

__all__ = ["BatchExecutor", "incomplete_request_error"]

_INTERVAL_S = 0.5  # seconds between two words to whoever watches


class BatchExecutor:
    """Takes places from a queue and carries each to its end; `idle` is set when nothing moves.

    `add`, `pause`, `resume` and `detach` are for any thread, the rest happens on the private loop.
    """

    def __init__(self, session: Session, state: BatchState, concurrency: int) -> None:
        self._session, self._state, self.concurrency = session, state, concurrency
        self.idle = threading.Event()
        self.idle.set()
        self.paused = self._detaching = self._heartbeat_running = False
        self.busy: set[int] = set()  # queued or in flight
        self.median_durations: dict[str, float] = {}
        self.owner: object = None
        self.watchers: list[Callable[[Progress], None]] = []
        self._lock = threading.Lock()
        self._queue: deque[int] = deque()
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0

    @property
    def progress(self) -> Progress:
        """How the batch stands now."""
        moving = not self.idle.is_set()
        return self._state.progress(self.median_durations, self.concurrency, self.paused, moving)

    def add(self, indices: Iterable[int]) -> None:
        """Queues places that are not in the queue or in flight already."""
        with self._lock:
            fresh = [place for place in indices if place not in self.busy]
            self.busy.update(fresh)
            if fresh:
                self.idle.clear()
        self._session.loop.call(self._enqueue, fresh)

    def pause(self) -> None:
        """Starts no more."""
        self.paused = True
        self._session.loop.call(self._fill_workers)

    def resume(self) -> None:
        """Starts what is queued."""
        self.paused = self._detaching = False
        with self._lock:
            if self.busy:
                self.idle.clear()
        self._session.loop.call(self._fill_workers)

    def detach(self) -> None:
        """Starts no more, and leaves what is in flight."""
        self.paused = self._detaching = True
        self._session.loop.call(self._detach_jobs)

    def _detach_jobs(self) -> None:
        for job in self._jobs.values():
            job.detach()
        self._fill_workers()

    def _enqueue(self, places: list[int]) -> None:
        self._queue.extend(places)
        self._fill_workers()

    def _fill_workers(self) -> None:
        """Sets workers to the queue, and says when nothing moves any more."""
        while self._queue and not self.paused and self._workers < self.concurrency:
            self._workers += 1
            self._spawn(self._worker(self._queue.popleft()))
        with self._lock:
            moving = self._workers > 0 or (bool(self.busy) and not self.paused)
            self._state.set_running(moving)
            if not moving:
                self.idle.set()
        if not moving:
            self._notify()
        elif not self._heartbeat_running:
            self._heartbeat_running = True
            self._spawn(self._heartbeat())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself holds tasks weakly only
        task.add_done_callback(self._tasks.discard)

    async def _worker(self, place: int) -> None:
        record = self._state.last_update(place).record
        try:
            await self._run_one(place, record)
        except Exception as error:  # a defect ends one place, not the batch
            plain = isinstance(error, LiangxinError)
            told = error if plain else LiangxinError(f"{type(error).__name__}: {error}")
            self._end(place, record, "rejected" if plain else "failed", told)
        finally:
            self._jobs.pop(place, None)
            self._workers -= 1
            self.busy.discard(place)
            self._fill_workers()

    async def _run_one(self, place: int, record: JobRecord) -> None:
        """One place to its end."""
        job = await asyncio.to_thread(self._take_over, record)
        if job is None:
            other = WaitTimeoutError("Another notebook looks after it and keeps its result.")
            self._end(place, record, "detached", other)
            return
        self._jobs[place] = job
        if self._detaching:
            job.detach()
        ended: asyncio.Future[JobUpdate] = asyncio.get_running_loop().create_future()

        def told(update: JobUpdate) -> None:
            if update.is_final and not ended.done():
                ended.set_result(update)
            elif not ended.done():
                self._state.update(place, update)

        job.watch(told)
        last = await ended
        if self._detaching and last.phase == "rejected":
            last = await asyncio.to_thread(self._back_to_unsent, last)
        self._state.update(place, last)

    def _back_to_unsent(self, last: JobUpdate) -> JobUpdate:
        """A place that was left before its turn came is still to be sent."""
        now = self._session.ledger.find(last.record.id)
        return JobUpdate(now, "pending") if now is not None and now.status == "pending" else last

    def _take_over(self, record: JobRecord) -> Job | None:
        if record.status == "pending" and not self._session.ledger.is_complete(record):
            raise incomplete_request_error(record)
        return self._session.take_over(record)

    def _end(self, place: int, record: JobRecord, phase: str, error: Any) -> None:
        self._state.update(place, JobUpdate(record, phase, error=error, ended_at=time.time()))

    async def _heartbeat(self) -> None:
        """Tells whoever watches, not at every change: there may be hundreds in a second."""
        self.median_durations = await asyncio.to_thread(self._load_median_durations)
        while not self.idle.is_set():
            self._notify()
            await asyncio.sleep(_INTERVAL_S)
        self._heartbeat_running = False
        self._notify()

    def _load_median_durations(self) -> dict[str, float]:
        models = {outcome.request.model for outcome in self._state}
        profile = self._session.settings.profile
        found = {model: self._session.ledger.median_duration(model, profile) for model in models}
        return {model: seconds for model, seconds in found.items() if seconds is not None}

    def _notify(self) -> None:
        now = self.progress
        for watcher in list(self.watchers):
            # A screen that fails to draw must not end the work it shows.
            with suppress(Exception):
                watcher(now)


def incomplete_request_error(record: JobRecord) -> InvalidRequestError:
    """The refusal of a job record whose reference picture went with the process that had it."""
    return InvalidRequestError(
        f"{record.id} was asked for with a picture that the ledger only names; it was not sent.",
        next_step="Ask for it anew, with its picture.",
    )
