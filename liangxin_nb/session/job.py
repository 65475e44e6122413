"""The user's handle of one task."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Self

from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.public import public
from ..engine.background_loop import BackgroundLoop, short_interrupt
from ..errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    LedgerError,
    LiangxinError,
    ResultUnavailableError,
    TaskFailedError,
    WaitTimeoutError,
)
from ..results import Result

__all__ = ["Job", "interrupt_message"]

_HEARTBEAT_S = 0.1  # an interrupt does not wake a loop or a lock that sleeps longer
_PHASES: tuple[tuple[type[Exception], JobPhase], ...] = (
    (TaskFailedError, JobPhase.FAILED),
    (ResultUnavailableError, JobPhase.RESULT_LOST),
    (WaitTimeoutError, JobPhase.DETACHED),
    (APIError, JobPhase.REJECTED),
    (InvalidRequestError, JobPhase.REJECTED),
)

Submit = Callable[[JobRecord, Callable[[JobUpdate], None]], Coroutine[Any, Any, JobRecord]]
Collect = Callable[[JobRecord, Callable[[JobUpdate], None]], Coroutine[Any, Any, Result]]


@public
class Job:
    """One request on its way to a result: `wait()` for it, `await` it, or `detach()` from it.

    Jobs are made by `generate`, `attach` and `resume`, and are safe to use from any thread.

    Attributes:
        note: A remark to show with the result: that identical work was saved before, and when.
    """

    def __init__(
        self,
        record: JobRecord,
        loop: BackgroundLoop,
        *,
        reused: bool = False,
        reload: Callable[[str], JobRecord | None] = lambda _: None,
    ) -> None:
        """Prepare a job; `start` begins the work.

        Args:
            record: The job's record in the ledger.
            loop: The background loop that does the work.
            reused: Whether a saved result is used in place of a new task.
            reload: Reads a record from the ledger by its id.
        """
        self.note: str = record.reuse_notice if reused else ""
        self._loop = loop
        self._reload = reload
        self._lock = threading.Lock()
        self._update = JobUpdate(record)
        self._watchers: list[Callable[[JobUpdate], None]] = []
        self._future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._submit_task: asyncio.Task[JobRecord] | None = None
        self._collect_task: asyncio.Task[Result] | None = None
        self._detached = False

    def start(self, submit: Submit | None, collect: Collect) -> Self:
        """Start the work on the background loop.

        Args:
            submit: Creates the task; None for a task that exists.
            collect: Follows the task and saves its result.

        Returns:
            The job itself.
        """
        self._future = self._loop.submit(self._run(submit, collect))
        return self

    @property
    def last_update(self) -> JobUpdate:
        """The latest snapshot of the job."""
        return self._update

    @property
    def record(self) -> JobRecord:
        """The job's record as the ledger has it; read again when the job has ended."""
        return self._update.record

    @property
    def task_id(self) -> str:
        """The service's id of the task; empty until the service has answered."""
        return self.record.task_id

    @property
    def status(self) -> JobPhase:
        """Where the job stands, such as `submitting`, `generating`, `saved` or `failed`."""
        return self._update.phase

    @property
    def result(self) -> Result | None:
        """The result once it is saved, else None."""
        return found if isinstance(found := self._update.result, Result) else None

    def done(self) -> bool:
        """Whether the job has ended here: with a result, with an error, or detached."""
        return self._update.is_final

    def add_done_callback(self, callback: Callable[[Job], object]) -> None:
        """Call a function once when the job has ended, or at once if it has.

        Args:
            callback: Called with the job, on the background thread. Its exceptions are ignored.
        """
        called = threading.Lock()

        def call_when_final(update: JobUpdate) -> None:
            if update.is_final and called.acquire(blocking=False):
                with suppress(Exception):
                    callback(self)

        self.watch(call_when_final)

    def watch(self, watcher: Callable[[JobUpdate], None]) -> None:
        """Pass the latest update to a function now, and every later one as it comes.

        Args:
            watcher: Called with each update, on the background thread.
        """
        with self._lock:
            self._watchers.append(watcher)
            latest = self._update
        watcher(latest)

    def wait(self, timeout: float | None = None) -> Result:
        """Block until the result is saved, and return it.

        An interrupt ends the wait, not the job.

        Args:
            timeout: Seconds. None: the session's patience alone ends the wait.

        Returns:
            The saved result.

        Raises:
            WaitTimeoutError: After the timeout, or when the job was detached.
            LiangxinError: How else the job ended without a result.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with short_interrupt(lambda: interrupt_message([self])):
            while not self._future.done():
                if end is not None and time.monotonic() >= end:
                    raise self._still_running_error(f"after {timeout:g} s")
                concurrent.futures.wait([self._future], timeout=_HEARTBEAT_S)
        return self._result_or_raise()

    def __await__(self) -> Generator[Any, None, Result]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Result:
        with short_interrupt(lambda: interrupt_message([self])):
            while not self._future.done():
                await asyncio.sleep(_HEARTBEAT_S)
        return self._result_or_raise()

    def detach(self) -> None:
        """Stop watching the task; `resume` collects it later.

        Returns at once. The task continues at the service and may be billed. A request that waits
        for its slot is not sent any more; if it is being sent, its answer is recorded first.
        """
        self._detached = True
        self._loop.call(self._stop)

    @property
    def is_submitting(self) -> bool:
        """Whether createTask is being sent, or waits to be sent."""
        return self._collect_task is None and not self._future.done()

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
                if self._detached:
                    await asyncio.sleep(0)  # let it start, as below
                    self._submit_task.cancel()
                record = await self._submit_task
            self._collect_task = asyncio.ensure_future(collect(record, self._publish))
            if self._detached:
                # Let it start: only then does it record how it ended and release the record.
                await asyncio.sleep(0)
                self._collect_task.cancel()
            result = await self._collect_task
        except asyncio.CancelledError:
            error: LiangxinError = self._still_running_error("and no longer watched")
            await self._finish(JobPhase.DETACHED, error)
            raise error from None
        except LiangxinError as failed:
            await self._finish(_phase(failed, self.task_id), failed)
            raise
        except Exception as defect:
            if self.task_id and "after shutdown" in str(defect):
                # Python is shutting down and starts no more threads; the task continues.
                error = self._still_running_error("while Python ends")
                ended_at = time.time()
                self._publish(
                    JobUpdate(self.record, JobPhase.DETACHED, error=error, ended_at=ended_at)
                )
                raise error from None
            failure = LiangxinError(f"{type(defect).__name__}: {defect}")
            await self._finish(JobPhase.FAILED, failure)
            raise
        await self._finish(JobPhase.SAVED, result=result)
        return result

    async def _finish(
        self, phase: JobPhase, error: LiangxinError | None = None, result: Result | None = None
    ) -> None:
        record = self.record
        with suppress(Exception):  # the ledger may be locked or gone by now
            if reloaded := await asyncio.to_thread(self._reload, record.id):
                record = reloaded
        self._publish(JobUpdate(record, phase, error=error, result=result, ended_at=time.time()))

    def _publish(self, update: JobUpdate) -> None:
        with self._lock:
            self._update = update
            watchers = list(self._watchers)
        for watcher in watchers:
            # A watcher that fails to draw must not end the job.
            with suppress(Exception):
                watcher(update)

    def _result_or_raise(self) -> Result:
        error = self._future.exception()
        if error is not None:
            # Without the earlier traceback: a second wait must not show the frames of the first.
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

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A Job belongs to its process and cannot be pickled; pickle job.task_id and use "
            "liangxin_nb.attach(task_id) there."
        )


def _phase(error: LiangxinError, task_id: str) -> JobPhase:
    if task_id and isinstance(error, APIError | APIConnectionError | LedgerError):
        return JobPhase.DETACHED  # the poll failed, not the task
    if isinstance(error, ResultUnavailableError) and error.retryable:
        return JobPhase.DETACHED  # the result can still be collected
    if isinstance(error, LedgerError) and error.task_id:
        return JobPhase.UNCONFIRMED  # the task exists, but the ledger does not have its id
    if isinstance(error, APIConnectionError):
        return JobPhase.UNCONFIRMED if error.maybe_created else JobPhase.REJECTED
    return next((phase for kind, phase in _PHASES if isinstance(error, kind)), JobPhase.FAILED)


def interrupt_message(jobs: Sequence[Job]) -> str:
    """Return one line that says what an interrupted wait for these jobs means."""
    ids = [job.task_id or job.record.id for job in jobs if not job.last_update.is_final]
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return (
        f"Interrupted: no longer waiting. Still running, and followed in the background: "
        f"{', '.join(ids[:3])}{more}. Collect with %liangxin resume."
    )
