"""Submit jobs, follow their tasks and save their results.

Each step is written to the ledger before the next one begins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from ..api import Client
from ..api.codec import to_task_failed
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    LiangxinError,
    ResultUnavailableError,
)
from ..ledger import Ledger
from ..polling import Poller, PollSchedule, build_schedule
from ..ratelimit import SharedRateLimiter
from ..results import Result, ResultStore
from .journal import Journal, SubmissionRecorder
from .result_saver import save_result
from .status_recorder import StatusRecorder

__all__ = ["TaskLifecycle"]

Publish = Callable[[JobUpdate], None]
_Error = TypeVar("_Error", bound=LiangxinError)
_MAX_IN_FLIGHT = 4  # creates: if the process dies, each of them stays unconfirmed


class TaskLifecycle:
    """Submits jobs, follows their tasks and saves their results; for the background loop only."""

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
        self._in_flight = asyncio.Semaphore(_MAX_IN_FLIGHT)
        self._new_ids: set[str] = set()
        journal = Journal(results.root, ledger.location)
        self._submissions = SubmissionRecorder(ledger, journal)
        self._is_ending = False

    def stop_sending(self) -> None:
        """Let requests that are withdrawn from now on stay pending: Python is ending."""
        self._is_ending = True

    async def submit(
        self, record: JobRecord, publish: Publish, callback_url: str = ""
    ) -> JobRecord:
        """Send createTask for a pending job.

        The call can be cancelled until the request is sent. After that its response is always
        awaited and recorded, since it may name a task that is billed.

        Args:
            record: The pending job.
            publish: Receives an update for each change.
            callback_url: The URL that the service calls when the task ends; it is not stored.

        Returns:
            The submitted job record.

        Raises:
            InvalidRequestError: If cancelled before the request was sent. The job is rejected; a
                job of a batch stays pending, so that the batch can submit it later.
            APIError: If the service rejected the request.
            APIConnectionError: If there was no answer; `maybe_created` if a task may exist.
        """
        try:
            client = await self._connect()
            slot_id = await self._limiter.acquire_create(partial(self._on_wait, record, publish))
            publish(JobUpdate(record, JobPhase.SUBMITTING))
            await self._in_flight.acquire()
        except asyncio.CancelledError:
            raise await self._withdraw(record) from None
        except LiangxinError as error:
            await self._end(record, "rejected", error)
            raise
        try:
            create = self._create(client, record, publish, callback_url, slot_id)
            record = await _await_shielded(asyncio.create_task(create))
        finally:
            self._in_flight.release()
        self._new_ids.add(record.id)
        publish(JobUpdate(record, JobPhase.WAITING))
        return record

    async def _create(
        self,
        client: Client,
        record: JobRecord,
        publish: Publish,
        callback_url: str,
        slot_id: str,
    ) -> JobRecord:
        """Send the request, recording it before and its outcome after."""
        try:
            record = await self._update(record, "submitting", status="submitting")
            created = await client.create(
                record.request, callback_url=callback_url, limiter=self._limiter
            )
        except LiangxinError as error:
            maybe_created = isinstance(error, APIConnectionError) and error.maybe_created
            await self._end(record, "unconfirmed" if maybe_created else "rejected", error)
            raise
        else:
            record = await self._submissions.record(record, created.task_id, publish)
            if created.note:
                await self._update(record, "unusual_answer", created.note)
            return record
        finally:
            await self._limiter.confirm_create(slot_id)  # after the task id is in the ledger

    def _on_wait(self, record: JobRecord, publish: Publish, seconds: float) -> None:
        """Publish how long the create waits for its slot."""
        note = f"Sending in {seconds:.0f} s: {self._limiter.create_rate}."
        publish(JobUpdate(record, JobPhase.SUBMITTING, note=note))

    async def _withdraw(self, record: JobRecord) -> InvalidRequestError:
        """Record that a job was cancelled before it was sent, and return the error."""
        error = InvalidRequestError(
            "Cancelled while waiting to be sent: nothing was sent, nothing was billed."
        )
        if record.batch_id or self._is_ending:
            await self._update(record, "released", "before it was sent", owner="")
        else:
            await self._end(record, "rejected", error)
        return error

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
            await self._update(record, "released", type(error).__name__, owner="")
            raise

    async def _collect(self, record: JobRecord, publish: Publish) -> Result:
        client = await self._connect()
        recorder = StatusRecorder(record, self._ledger, publish)
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
            # The record stays submitted: a proxy may have answered, so resume tries again.
            unknown = _unknown_task_error(record)
            await self._update(record, "unavailable", str(unknown))
            raise unknown from None
        finally:
            record = await recorder.flush()
        if task.state == "fail":
            raise await self._end(record, "failed", to_task_failed(task))
        publish(JobUpdate(record, JobPhase.SAVING))
        try:
            return await save_result(
                client, record, task,
                ledger=self._ledger, results=self._results, limiter=self._limiter,
                on_wait=lambda note: publish(JobUpdate(record, JobPhase.SAVING, note=note)),
            )  # fmt: skip
        except ResultUnavailableError as error:
            if error.retryable:  # it can still be collected: the job remains succeeded
                raise
            raise await self._end(record, "result_lost", error) from None

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
        await asyncio.to_thread(self._ledger.add, record)
        phase = JobPhase.WAITING if task.state.is_final else JobPhase(task.state)
        publish(JobUpdate(record, phase))
        return record

    async def _end(self, record: JobRecord, status: str, error: _Error) -> _Error:
        """Record an error as the job's final status, and return the error."""
        error.task_id = record.task_id or error.task_id
        await self._update(record, status, str(error), status=status, reason=str(error))
        return error

    async def _update(
        self, record: JobRecord, event: str, detail: str = "", **values: Any
    ) -> JobRecord:
        """Update the ledger from a thread: the disk may be slow, and the loop must not wait."""
        return await asyncio.to_thread(self._ledger.update, record, event, detail, **values)


async def _await_shielded(sending: asyncio.Task[JobRecord]) -> JobRecord:
    """Return the outcome of a request on its way, even if the caller is cancelled meanwhile."""
    while True:
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            if sending.cancelled():
                raise


def _unknown_task_error(record: JobRecord) -> ResultUnavailableError:
    return ResultUnavailableError(
        f"The service does not know task {record.task_id} (any more).",
        task_id=record.task_id,
        next_step="A service shows tasks only to the key that created them, for a limited time.",
    )


def _parse_echoed_request(task: TaskRecord, task_id: str) -> Request:
    """Parse the request as the service echoes it in `param`."""
    echoed = task.param.get("input")
    options = dict(echoed) if isinstance(echoed, dict) else {}
    prompt = str(options.pop("prompt", "") or "").strip()
    prompt = prompt or f"(the service gives no prompt for {task_id})"
    return Request(task.model or "unknown", prompt, options)
