"""One task followed here: what users hold in their hands."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from ..core.job_record import JobRecord, JobUpdate
from ..engine.background_loop import BackgroundLoop
from ..errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    LiangxinError,
    ResultUnavailableError,
    TaskFailedError,
    WaitTimeoutError,
    one_line,
)
from ..results import Result

__all__ = ["Job", "interrupt_message"]

_HEARTBEAT = 0.1  # seconds; an interrupt does not wake a loop or a lock that sleeps longer
_PHASES: tuple[tuple[type[Exception], str], ...] = (
    (TaskFailedError, "failed"),
    (ResultUnavailableError, "result_lost"),
    (WaitTimeoutError, "detached"),
    (APIError, "rejected"),
    (InvalidRequestError, "rejected"),
)

Submit = Callable[[JobRecord, Callable[[JobUpdate], None]], Coroutine[Any, Any, JobRecord]]
Collect = Callable[[JobRecord, Callable[[JobUpdate], None]], Coroutine[Any, Any, Result]]


class Job:
    """One prompt on its way to a picture: `wait()` for it, `await` it, or `detach()` it.

    `last_update` is the latest word; `watch` tells every new one. Safe to use from any thread.
    """

    def __init__(self, record: JobRecord, loop: BackgroundLoop, *, reused: bool = False) -> None:
        #: What has to be said beside the result: that it was kept already, and since when.
        self.note = record.reuse_notice if reused else ""
        self._loop = loop
        self._lock = threading.Lock()
        self._update = JobUpdate(record)
        self._watchers: list[Callable[[JobUpdate], None]] = []
        self._future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._submit_task: asyncio.Task[JobRecord] | None = None
        self._collect_task: asyncio.Task[Result] | None = None
        self._detached = False

    def start(self, submit: Submit | None, collect: Collect) -> Self:
        """Begins the work on the private loop: `submit`, then `collect`; without `submit` only
        that.
        """
        self._future = self._loop.submit(self._run(submit, collect))
        return self

    @property
    def last_update(self) -> JobUpdate:
        """The latest word about the task."""
        return self._update

    @property
    def record(self) -> JobRecord:
        """The ledger's job record of this job."""
        return self._update.record

    @property
    def task_id(self) -> str:
        """The service's id, or an empty text before the service gave one."""
        return self.record.task_id

    @property
    def status(self) -> str:
        """Where it stands: sending, the wire's own states, saving, done, failed, refused, left,
        unknown or lost.
        """
        return self._update.phase

    @property
    def result(self) -> Result | None:
        """The result once it is kept, else None."""
        found = self._update.result
        return found if isinstance(found, Result) else None

    def watch(self, watcher: Callable[[JobUpdate], None]) -> None:
        """Tells the watcher the latest word now, and each new one on the private loop's thread."""
        with self._lock:
            self._watchers.append(watcher)
            latest = self._update
        watcher(latest)

    def wait(self, timeout: float | None = None) -> Result:
        """Blocks until the result is kept, and returns it; an interrupt ends the wait, not the job.

        `timeout`: seconds, default none of its own (the session's patience ends every wait).
        Raises how else it ended, and `WaitTimeoutError` after the timeout.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._short_interrupt():
            while not self._future.done():
                if end is not None and time.monotonic() >= end:
                    raise self._still_running_error(f"after {timeout:g} s")
                concurrent.futures.wait([self._future], timeout=_HEARTBEAT)
        return self._result_or_raise()

    def __await__(self) -> Generator[Any, None, Result]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Result:
        with self._short_interrupt():
            while not self._future.done():
                await asyncio.sleep(_HEARTBEAT)
        return self._result_or_raise()

    @contextmanager
    def _short_interrupt(self) -> Iterator[None]:
        """The interrupt goes on as it is; only what a notebook shows of it is shorter."""
        try:
            yield
        except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
            one_line(stopped, interrupt_message([self]))
            raise

    def detach(self) -> None:
        """Stops watching. The task goes on at the service and may be billed; `resume` collects it.

        Returns at once. A request that waits for its turn is not sent any more; while one is being
        sent, its answer is awaited first.
        """
        self._detached = True
        self._loop.call(self._stop)

    def _stop(self) -> None:
        if self._collect_task is not None:
            self._collect_task.cancel()
        elif self._submit_task is not None:
            self._submit_task.cancel()

    async def _run(self, submit: Submit | None, collect: Collect) -> Result:
        try:
            record = self.record
            if submit:
                self._submit_task = asyncio.ensure_future(submit(record, self._publish))
                record = await self._submit_task
            self._collect_task = asyncio.ensure_future(collect(record, self._publish))
            if self._detached:
                # Let it begin: only then can it say how it ends, and let go of the job record.
                await asyncio.sleep(0)
                self._collect_task.cancel()
            result = await self._collect_task
        except asyncio.CancelledError:
            error: LiangxinError = self._still_running_error("and no longer watched")
            self._finish("detached", error)
            raise error from None
        except LiangxinError as failed:
            self._finish(_phase(failed, self.task_id), failed)
            raise
        except Exception as defect:
            if self.task_id and "after shutdown" in str(defect):
                # Python ends, and lends no more threads; the task goes on.
                error = self._still_running_error("while Python ends")
                self._finish("detached", error)
                raise error from None
            self._finish("failed", LiangxinError(f"{type(defect).__name__}: {defect}"))
            raise
        self._publish(JobUpdate(self.record, "saved", result=result, ended_at=time.time()))
        return result

    def _finish(self, phase: str, error: LiangxinError) -> None:
        self._publish(JobUpdate(self.record, phase, error=error, ended_at=time.time()))

    def _publish(self, update: JobUpdate) -> None:
        with self._lock:
            self._update = update
            watchers = list(self._watchers)
        for watcher in watchers:
            # A screen that fails to draw must not end the work it shows.
            with suppress(Exception):
                watcher(update)

    def _result_or_raise(self) -> Result:
        error = self._future.exception()
        if error is not None:
            # A fresh traceback each time: a second wait must not show the first one's frames.
            raise error.with_traceback(None)
        return self._future.result()

    def _still_running_error(self, how: str) -> WaitTimeoutError:
        name = f"Task {self.task_id}" if self.task_id else "The task"
        return WaitTimeoutError(
            f"{name} is still running {how}; it may be billed.",
            task_id=self.task_id or None,
            next_step=f"Collect it with %liangxin resume {self.task_id or self.record.id}",
        )

    def __repr__(self) -> str:
        if self.result is not None:
            return repr(self.result)
        model = self.record.request.model
        return f"<Job {model} {self.status} · {self.task_id or self.record.id}>"


def _phase(error: LiangxinError, task_id: str) -> str:
    if task_id and isinstance(error, APIError | APIConnectionError):
        return "detached"  # asking failed, the task did not
    if isinstance(error, APIConnectionError):
        return "unconfirmed" if error.maybe_created else "rejected"
    return next((phase for kind, phase in _PHASES if isinstance(error, kind)), "failed")


def interrupt_message(jobs: Sequence[Job]) -> str:
    """What an interrupt of waiting for these jobs means, in one line."""
    ids = [job.task_id or job.record.id for job in jobs if not job.last_update.is_final]
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return (
        f"Interrupted: no longer waiting. Still running, and followed in the background: "
        f"{', '.join(ids[:3])}{more}. Collect with %liangxin resume."
    )
