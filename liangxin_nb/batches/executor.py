"""Runs the jobs of a batch on the background loop, a limited number at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from .._forks import keep_unused, renew_after_fork
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..engine.ledger_writer import retry_write
from ..errors import LiangxinError, WaitTimeoutError
from ..session import BaseSession
from ..session.following import incomplete_request_error
from ..session.job import Job
from .outcome import Progress
from .state import BatchState

__all__ = ["BatchExecutor"]

_INTERVAL_S = 0.5  # between two calls of the watchers


class BatchExecutor:
    """Takes indices from a queue and runs each job to its end.

    `idle` is set when nothing is running. `add`, `pause`, `resume` and `detach` can be called from
    any thread; everything else runs on the background loop.
    """

    def __init__(self, session: BaseSession, state: BatchState, concurrency: int) -> None:
        self._session, self._state = session, state
        self.concurrency: int = concurrency
        self.median_durations: dict[str, float] = {}
        self.owner: object = None
        #: Whether a parent process runs the batch, too.
        self.is_inherited: bool = False
        #: Whether it was running at a fork and has not been used in this process since.
        self.is_unused_copy: bool = False
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        """Start with an empty queue, without watchers."""
        self.idle: threading.Event = threading.Event()
        self.idle.set()
        self.paused: bool = False
        self._detaching = self._notifying = False
        self.busy: set[int] = set()  # queued or in flight
        self.watchers: list[Callable[[Progress], None]] = []
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._queue: deque[int] = deque()
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0

    def after_fork(self) -> None:
        """Leave the batch to the parent process until it is used in the child."""
        keep_unused(dict(vars(self)))
        self.is_inherited = True
        self.is_unused_copy = not self.idle.is_set()
        self._begin()

    @property
    def progress(self) -> Progress:
        """A snapshot of the batch."""
        active = not self.idle.is_set()
        return self._state.progress(self.median_durations, self.concurrency, self.paused, active)

    def add(self, indices: Iterable[int]) -> None:
        """Queue indices that are not yet queued or in flight."""
        with self._lock:
            new = [index for index in indices if index not in self.busy]
            self.busy.update(new)
            if new:
                self.idle.clear()
        self._session.loop.call(self._enqueue, new)

    def pause(self) -> None:
        """Start no more jobs; those in flight are followed to their end."""
        self.paused = True
        self._session.loop.call(self._start_workers)

    def resume(self) -> None:
        """Start the jobs that are queued."""
        self.paused = self._detaching = False
        with self._lock:
            if self.busy:
                self.idle.clear()
        self._session.loop.call(self._start_workers)

    def detach(self) -> None:
        """Start no more jobs, and detach those in flight."""
        self.paused = self._detaching = True
        self._session.loop.call(self._detach_jobs)

    def _detach_jobs(self) -> None:
        for job in self._jobs.values():
            job.detach()
        self._start_workers()

    def _enqueue(self, indices: list[int]) -> None:
        self._queue.extend(indices)
        self._start_workers()

    def _start_workers(self) -> None:
        """Start workers for the queue, and set `idle` if nothing is running."""
        while self._queue and not self.paused and self._workers < self.concurrency:
            self._workers += 1
            self._spawn(self._work(self._queue.popleft()))
        with self._lock:
            active = self._workers > 0 or (bool(self.busy) and not self.paused)
            self._state.set_running(active)
            if not active:
                self.idle.set()
        if not active:
            self._notify()
        elif not self._notifying:
            self._notifying = True
            self._spawn(self._notify_periodically())

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)  # the loop itself only has weak references
        task.add_done_callback(self._tasks.discard)

    async def _work(self, index: int) -> None:
        """Run the job at an index; an error ends this job, not the batch."""
        record = self._state.last_update(index).record
        try:
            await self._run_job(index, record)
        except LiangxinError as error:
            self._end(index, record, JobPhase.REJECTED, error)
        except Exception as defect:
            self._end(
                index, record, JobPhase.FAILED, LiangxinError(f"{type(defect).__name__}: {defect}")
            )
        finally:
            self._jobs.pop(index, None)
            self._workers -= 1
            self.busy.discard(index)
            self._start_workers()

    async def _run_job(self, index: int, record: JobRecord) -> None:
        """Take over a record and follow its job to the end."""

        def on_busy(note: str) -> None:
            self._state.update(index, JobUpdate(record, JobPhase.PENDING, note=note))

        job = await retry_write(partial(self._take_over, record), on_busy)
        if job is None:
            error = WaitTimeoutError("Another notebook follows this task and saves its result.")
            self._end(index, record, JobPhase.DETACHED, error)
            return
        self._jobs[index] = job
        if self._detaching:
            job.detach()
        ended: asyncio.Future[JobUpdate] = asyncio.get_running_loop().create_future()

        def on_update(update: JobUpdate) -> None:
            if update.is_final and not ended.done():
                ended.set_result(update)
            elif self._state.last_update(index).record.id == record.id:
                self._state.update(index, update)  # also the answer to a detached request

        job.watch(on_update)
        last = await ended
        if self._detaching and last.phase == "rejected":
            last = await asyncio.to_thread(self._restore_pending, last)
        self._state.update(index, last)

    def _restore_pending(self, last: JobUpdate) -> JobUpdate:
        """Return a pending update for a job that was detached before it was sent."""
        record = self._session.ledger.find(last.record.id)
        if record is not None and record.status == "pending":
            return JobUpdate(record, JobPhase.PENDING)
        return last

    def _take_over(self, record: JobRecord) -> Job | None:
        if record.status == "pending" and not self._session.ledger.is_complete(record):
            raise incomplete_request_error(record)
        if record.status == "submitting":  # identical work that another job is sending
            return self._session.job(record.id) or self._session.follow(record)
        job = self._session.take_over(record)
        if job is None and (self.is_inherited or record.task_id or self._is_shared(record)):
            return self._session.follow(record)
        return job

    def _is_shared(self, record: JobRecord) -> bool:
        """Return whether another batch, or another job of this session, may send a record."""
        is_own = record.batch_id == self._state.record.id
        return not is_own or not self._session.is_followed_elsewhere(record)

    def _end(self, index: int, record: JobRecord, phase: JobPhase, error: LiangxinError) -> None:
        self._state.update(index, JobUpdate(record, phase, error=error, ended_at=time.time()))

    async def _notify_periodically(self) -> None:
        """Call the watchers at an interval: updates can arrive hundreds of times per second."""
        self.median_durations = await asyncio.to_thread(self._load_median_durations)
        while not self.idle.is_set():
            self._notify()
            await asyncio.sleep(_INTERVAL_S)
        self._notifying = False
        self._notify()

    def _load_median_durations(self) -> dict[str, float]:
        ledger, profile = self._session.ledger, self._session.settings.profile
        models = {outcome.request.model for outcome in self._state}
        medians = {model: ledger.median_duration(model, profile) for model in models}
        return {model: seconds for model, seconds in medians.items() if seconds is not None}

    def _notify(self) -> None:
        progress = self.progress
        for watcher in list(self.watchers):
            # An error in a display must not end the batch.
            with suppress(Exception):
                watcher(progress)
