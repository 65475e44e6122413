"""The user's handle of one task."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Self, TypeVar

from ..core.formatting import printable
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.public import explain_wrong_calls, public
from ..engine.background_loop import BackgroundLoop, short_interrupt
from ..errors import LiangxinError, WaitTimeoutError
from ..results import Result
from .error_phase import phase_of_error
from .job_updates import JobUpdates

__all__ = ["Job", "wait_for_all"]

_HEARTBEAT_S = 0.1  # an interrupt does not wake a loop or a lock that sleeps longer
_T = TypeVar("_T")
Submit = Callable[[JobRecord, Callable[[JobUpdate], None]], Coroutine[Any, Any, JobRecord]]
Collect = Callable[[JobRecord, Callable[[JobUpdate], None]], Coroutine[Any, Any, Result]]


@public
class Job(JobUpdates):
    """One request on its way to a result: `wait()` for it, `await` it, or `detach()` from it.

    Jobs are made by `generate`, `attach` and `resume`, and are safe to use from any thread.

    Attributes:
        note: A remark to show with the result: that identical work was saved before, and when.
        is_reusing: Whether the same request gets the same result again while it is unchanged.
        is_submitting: Whether createTask is being sent, or waits to be sent; also when detached.
    """

    def __init__(
        self,
        record: JobRecord,
        loop: BackgroundLoop,
        *,
        reused: bool = False,
        reload: Callable[[str], JobRecord | None] = lambda _: None,
        adopt: Callable[[Any], None] | None = None,
    ) -> None:
        """Prepare a job; `start` begins the work.

        Args:
            record: The job's record in the ledger.
            loop: The background loop that does the work.
            reused: Whether a saved result is used in place of a new task.
            reload: Reads a record from the ledger by its id.
            adopt: Follows the job from the process that calls it; can be pickled.
        """
        super().__init__(record, loop, reload, adopt)
        self.note = record.reuse_notice if reused else ""
        self.is_reusing: bool = False

    def start(self, submit: Submit | None, collect: Collect) -> Self:
        """Start the work on the background loop.

        Args:
            submit: Creates the task; None for a task that exists.
            collect: Follows the task and saves its result.

        Returns:
            The job itself.
        """
        self.is_submitting = submit is not None
        self._running = self._loop.submit(self._run(submit, collect))
        return self

    async def settle(self) -> None:
        """Wait until nothing of the job is on its way, also if it is detached."""
        if self._running is not None:
            await asyncio.wrap_future(self._running)

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
        return self.last_update.phase

    @property
    def result(self) -> Result | None:
        """The result once it is saved, else None."""
        return found if isinstance(found := self.last_update.result, Result) else None

    def done(self) -> bool:
        """Whether the job has ended here: with a result, with an error, or detached."""
        return self.last_update.is_final

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

    @explain_wrong_calls("job.wait() or job.wait(60)")
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
        with _interruptible([self]):
            return self._wait(timeout)

    def _wait(self, timeout: float | None = None) -> Result:
        self._follow_here()
        end = None if timeout is None else time.monotonic() + timeout
        while not self._future.done():
            if end is not None and time.monotonic() >= end:
                raise self._still_running_error(f"after {timeout:g} s")
            concurrent.futures.wait([self._future], timeout=_HEARTBEAT_S)
        return self._result_or_raise()

    def __await__(self) -> Generator[Any, None, Result]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Result:
        await asyncio.to_thread(self._follow_here)
        with _interruptible([self]):
            while not self._future.done():
                await asyncio.sleep(_HEARTBEAT_S)
        return self._result_or_raise()

    def detach(self) -> None:
        """Stop watching the task; `resume` collects it later.

        Returns at once, and ends every wait. The task continues at the service and may be billed.
        A request that waits for its slot is not sent any more; the answer to one that is being
        sent is still recorded.
        """
        _ = self.last_update  # followed here, so that it can be detached
        self._loop.call(self._stop)

    def _stop(self) -> None:
        """Cancel the present step, once: it may need time to record that."""
        if not self._detached:
            self._detached = True
            if self._task is not None:
                self._task.cancel()

    async def _run(self, submit: Submit | None, collect: Collect) -> None:
        """Do the work; the last update says how it ended."""
        try:
            record = self.record
            if submit:
                try:
                    record = await self._do(submit(record, self._publish))
                finally:
                    self.is_submitting = False
            result = await self._do(collect(record, self._publish))
        except (asyncio.CancelledError, Exception) as error:
            await self._finish(*self._describe_end(error))
        else:
            await self._finish(JobPhase.SAVED, result=result)

    async def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a step that `detach` can cancel."""
        self._task, task = None, asyncio.ensure_future(work)
        await asyncio.sleep(0)  # let it start: only then does it record how it ended
        self._task = task
        if self._detached:
            task.cancel()
        return await task

    def _describe_end(self, error: BaseException) -> tuple[JobPhase, LiangxinError]:
        if isinstance(error, LiangxinError):
            return phase_of_error(error, self.task_id), error
        if isinstance(error, asyncio.CancelledError):
            return JobPhase.DETACHED, self._still_running_error("and no longer watched")
        if self.task_id and "after shutdown" in str(error):  # Python starts no more threads
            return JobPhase.DETACHED, self._still_running_error("while Python ends")
        return JobPhase.FAILED, LiangxinError(f"{type(error).__name__}: {error}")

    async def _finish(
        self, phase: JobPhase, error: LiangxinError | None = None, result: Result | None = None
    ) -> None:
        record = self.record
        with suppress(Exception):  # the ledger may be locked or gone by now
            if reloaded := await asyncio.to_thread(self._reload, record.id):
                record = reloaded
        self._publish(JobUpdate(record, phase, error=error, result=result, ended_at=time.time()))

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
        if self._update.result is not None:
            return repr(self._update.result)
        model = self.record.request.model
        return printable(f"<Job {model} {self._update.phase} · {self.task_id or self.record.id}>")


def wait_for_all(jobs: Sequence[Job]) -> None:
    """Wait for jobs in their order; an interrupt ends the wait, not the jobs.

    Raises:
        LiangxinError: How the first job without a result has ended.
    """
    with _interruptible(jobs):
        for job in jobs:
            job._wait()


def _interruptible(jobs: Sequence[Job]) -> AbstractContextManager[None]:
    def when_ended(call: Callable[[], object]) -> None:
        for job in jobs:
            job.add_done_callback(lambda _: all(job.done() for job in jobs) and call())

    return short_interrupt(lambda: _interrupt_message(jobs), when_ended)


def _interrupt_message(jobs: Sequence[Job]) -> str:
    """Return one line that says what an interrupted wait for these jobs means."""
    ids = [job.task_id or job.record.id for job in jobs if not job.last_update.is_final]
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return (
        f"Interrupted: no longer waiting. Still running, and followed in the background: "
        f"{', '.join(ids[:3])}{more}. Collect with %liangxin resume."
    )
