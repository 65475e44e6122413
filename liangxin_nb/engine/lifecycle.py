"""Submit jobs, follow their tasks and save their results.

What concerns money is written to the ledger before the next step begins; other changes follow in
order, while the job continues.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from ..api import Client
from ..api.codec import to_task_failed
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import APIError, LiangxinError, ResultUnavailableError
from ..ledger import Ledger
from ..polling import Poller, PollSchedule, build_schedule
from ..ratelimit import SharedRateLimiter
from ..results import Result, ResultStore
from .journal import Journal
from .ledger_writer import LedgerWriter
from .result_saver import save_result
from .status_recorder import StatusRecorder
from .submitter import Publish, Submitter

__all__ = ["TaskLifecycle"]

Submit = Callable[[JobRecord, Publish], Coroutine[Any, Any, JobRecord]]
_Error = TypeVar("_Error", bound=LiangxinError)


class TaskLifecycle:
    """Submits jobs, follows their tasks and saves their results; for the background loop only.

    Attributes:
        writer: Records every step in the ledger.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        ledger: Ledger,
        results: ResultStore,
        poller: Poller,
        limiter: SharedRateLimiter,
        *,
        schedule: PollSchedule,
        patience: float,
    ) -> None:
        """Create a lifecycle; nothing is opened or sent.

        Args:
            connect: Returns the API client, and starts the sandbox if it is needed.
            ledger: Where every step is recorded.
            results: Where results are saved.
            poller: Follows the tasks.
            limiter: The rate limiter for creates and for polls outside the poller.
            schedule: The documented poll schedule.
            patience: Seconds after which following a task ends with `WaitTimeoutError`.
        """
        self._connect = connect
        self._ledger = ledger
        self._results = results
        self._poller = poller
        self._limiter = limiter
        self._schedule = schedule
        self._patience = patience
        self._new_ids: set[str] = set()
        self.writer: LedgerWriter = LedgerWriter(ledger, patience)
        journal = Journal(results.root, ledger.location)
        self._submitter = Submitter(connect, self.writer, journal, limiter)

    def stop_sending(self) -> None:
        """Let requests that are withdrawn from now on stay pending: Python is ending."""
        self._submitter.stop_sending()

    def add(self, record: JobRecord, cell_id: str, submit: Submit) -> Submit:
        """Add a new job to the ledger, on the thread of the caller.

        Args:
            record: The pending job.
            cell_id: The notebook cell that creates it.
            submit: Sends createTask for it.

        Returns:
            `submit`; while another process has locked the ledger, a function that adds the job
            before that.

        Raises:
            LedgerError: If the ledger cannot be used for another reason.
        """
        if self._submitter.add_now(record, cell_id):
            return submit

        async def add_and_submit(record: JobRecord, publish: Publish) -> JobRecord:
            """Add the job as soon as the ledger can be written, and then submit it."""
            await self._submitter.add(record, publish, cell_id)
            return await submit(record, publish)

        return add_and_submit

    async def submit(
        self, record: JobRecord, publish: Publish, callback_url: str = ""
    ) -> JobRecord:
        """Send createTask for a pending job; see `Submitter.submit`."""
        record = await self._submitter.submit(record, publish, callback_url)
        self._new_ids.add(record.id)
        return record

    async def collect(self, record: JobRecord, publish: Publish) -> Result:
        """Follow a submitted job until its task ends, and save the result.

        The call can be cancelled at any time; another session can then follow the task.

        Args:
            record: The submitted job.
            publish: Receives an update for each new state.

        Returns:
            The saved result.

        Raises:
            TaskFailedError: If the task failed.
            ResultUnavailableError: If the service no longer has the task or its outputs.
            WaitTimeoutError: If the task is still running after `patience` seconds.
            APIError: If the service rejected the poll requests.
            APIConnectionError: If the outputs could not be downloaded.
        """
        try:
            return await self._collect(record, publish)
        except BaseException as error:
            # Whatever ended it, another session may follow the task from now on.
            await self.writer.update_soon(record, "released", type(error).__name__, owner="")
            raise

    async def _collect(self, record: JobRecord, publish: Publish) -> Result:
        end = time.monotonic() + self._patience
        client = await self._connect()
        recorder = StatusRecorder(record, self.writer, publish)
        age = 0.0 if record.id in self._new_ids else max(0.0, time.time() - record.created_at)
        self._new_ids.discard(record.id)
        schedule = await asyncio.to_thread(
            lambda: build_schedule(self._schedule, self._ledger.recent_durations(record))
        )
        try:
            task = await self._poller.follow(
                record.task_id, client.get_task, recorder.on_answer, self._patience,
                schedule=schedule, age=age,
            )  # fmt: skip
        except APIError as error:
            if not error.is_task_unknown:
                raise
            unknown = _unknown_task_error(record)
            raise await self._end(recorder, "result_lost", unknown) from None
        if task.state == "fail":
            raise await self._end(recorder, "failed", to_task_failed(task))
        recorder.publish_saving()
        try:
            return await save_result(
                client, recorder.record, task,
                writer=self.writer, results=self._results, limiter=self._limiter,
                on_wait=recorder.publish_note, patience=end - time.monotonic(),
            )  # fmt: skip
        except ResultUnavailableError as error:
            if error.retryable:  # it can still be collected: the job remains succeeded
                raise
            raise await self._end(recorder, "result_lost", error) from None

    async def adopt(self, record: JobRecord, publish: Publish) -> JobRecord:
        """Add a task that this key has created elsewhere to the ledger.

        Args:
            record: A new job with the task id; its request is a placeholder.
            publish: Receives one update.

        Returns:
            The job record, with the request read back from the service.

        Raises:
            ResultUnavailableError: If the service does not know the task.
            APIError: If the service rejected the poll request.
            APIConnectionError: If there was no answer.
        """
        client = await self._connect()
        await self._limiter.acquire_poll()
        try:
            task = await client.get_task(record.task_id)
        except APIError as error:
            raise _unknown_task_error(record) if error.is_task_unknown else error from None
        record = record.replace(
            request=_parse_echoed_request(task, record.task_id), status="submitted"
        )
        await self.writer.write(record.id, partial(self.writer.ledger.add, record))
        phase = JobPhase.WAITING if task.state.is_final else JobPhase(task.state)
        publish(JobUpdate(record, phase))
        return record

    async def _end(self, recorder: StatusRecorder, status: str, error: _Error) -> _Error:
        """Record an error as the job's final status, and return the error."""
        record = recorder.record
        error.task_id = record.task_id or error.task_id
        values = {"status": status, "reason": str(error)}
        await self.writer.update(
            record, status, str(error), on_busy=recorder.publish_note, **values
        )
        return error


def _unknown_task_error(record: JobRecord) -> ResultUnavailableError:
    return ResultUnavailableError(
        f"The service does not know task {record.task_id} (any more).",
        task_id=record.task_id,
        next_step="A service shows tasks only to the key that created them. "
        f"%liangxin resume {record.task_id} asks again.",
    )


def _parse_echoed_request(task: TaskRecord, task_id: str) -> Request:
    """Parse the request as the service echoes it in `param`."""
    echoed = task.param.get("input")
    options = dict(echoed) if isinstance(echoed, dict) else {}
    prompt = str(options.pop("prompt", "") or "").strip()
    prompt = prompt or f"(the service gives no prompt for {task_id})"
    return Request(task.model or "unknown", prompt, options)
