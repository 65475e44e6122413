"""Send createTask for pending jobs: recorded before, and its answer recorded after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from ..api import Client
from ..api.client import CreatedTask
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.request import Request
from ..errors import (
    APIConnectionError,
    InvalidRequestError,
    LedgerError,
    LiangxinError,
    WaitTimeoutError,
)
from ..ledger import mark_submitting
from ..ratelimit import SharedRateLimiter
from .journal import Journal, SubmissionRecorder
from .ledger_writer import LedgerWriter, OnBusy

__all__ = ["Publish", "Submitter"]

Publish = Callable[[JobUpdate], None]
_MAX_IN_FLIGHT = 4  # creates: if the process dies, each of them stays unconfirmed


class Submitter:
    """Sends the createTask requests of a session; for the background loop only."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        writer: LedgerWriter,
        journal: Journal,
        limiter: SharedRateLimiter,
    ) -> None:
        """Create a submitter; nothing is opened or sent.

        Args:
            connect: Returns the API client, and starts the sandbox if it is needed.
            writer: Records every step.
            journal: Takes the task ids that the ledger cannot take.
            limiter: The rate limiter for creates.
        """
        self._connect = connect
        self._writer = writer
        self._limiter = limiter
        self._submissions = SubmissionRecorder(writer.ledger, journal)
        self._in_flight = asyncio.Semaphore(_MAX_IN_FLIGHT)
        self._is_ending = False

    def stop_sending(self) -> None:
        """Let requests that are withdrawn from now on stay pending: Python is ending."""
        self._is_ending = True

    def add_now(self, record: JobRecord, cell_id: str) -> bool:
        """Add a new job to the ledger, on the thread of the caller.

        Returns:
            Whether it is in the ledger: another process may have locked the ledger.

        Raises:
            LedgerError: If the ledger cannot be used for another reason.
        """
        try:
            self._writer.ledger.add(record, cell_id)
        except LedgerError as error:
            if not error.is_busy:
                raise
            return False
        return True

    async def add(self, record: JobRecord, publish: Publish, cell_id: str) -> None:
        """Add a new job to the ledger once that can be written; can be cancelled.

        Args:
            record: The pending job.
            publish: Receives an update while the ledger is busy.
            cell_id: The notebook cell that creates the job.

        Raises:
            InvalidRequestError: If cancelled. Nothing is sent.
            LedgerError: If the ledger could not be written for a long time.
        """
        add = partial(self._writer.ledger.add, record, cell_id)
        try:
            await self._writer.write(record.id, add, _on_busy(record, publish))
        except asyncio.CancelledError:
            raise await self._withdraw(record) from None

    async def submit(
        self, record: JobRecord, publish: Publish, callback_url: str = ""
    ) -> JobRecord:
        """Send createTask for a pending job.

        The call can be cancelled until the request is sent, and between an answer that created
        nothing and the next attempt. Otherwise the response is always awaited and recorded, since
        it may name a task that is billed.

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
            LedgerError: If the ledger could not be written for a long time. Nothing is sent.
        """
        try:
            client = await self._connect()
            slot_id = await self._limiter.acquire_create(partial(self._on_wait, record, publish))
            publish(JobUpdate(record, JobPhase.SUBMITTING))
            await self._in_flight.acquire()
        except asyncio.CancelledError:
            raise await self._withdraw(record) from None
        except LiangxinError as error:
            await self._end(record, publish, "rejected", error)
            raise
        try:
            permit = _Permit(self._limiter)
            create = self._create(client, record, publish, callback_url, slot_id, permit)
            record = await _complete(asyncio.create_task(create), permit, record, publish)
        finally:
            self._in_flight.release()
        publish(JobUpdate(record, JobPhase.WAITING))
        return record

    async def _create(
        self,
        client: Client,
        record: JobRecord,
        publish: Publish,
        callback_url: str,
        slot_id: str,
        permit: _Permit,
    ) -> JobRecord:
        """Send the request, recording it before and its outcome after."""
        try:
            await self._mark_submitting(record, publish)
            created = await permit.run(client, record.request, callback_url)
        except asyncio.CancelledError:
            if permit.must_complete:
                raise
            raise await self._withdraw(record) from None
        except LiangxinError as error:
            if permit.must_complete:
                maybe_created = isinstance(error, APIConnectionError) and error.maybe_created
                status = "unconfirmed" if maybe_created else "rejected"
                await self._end(record, publish, status, error)
            raise
        else:
            record = await self._submissions.record(record, created.task_id, publish)
            if created.note:
                await self._writer.update_soon(record, "unusual_answer", created.note)
            return record
        finally:
            await self._limiter.confirm_create(slot_id)  # after the task id is in the ledger

    async def _mark_submitting(self, record: JobRecord, publish: Publish) -> None:
        mark = partial(mark_submitting, self._writer.ledger, record)
        if await self._writer.write(record.id, mark, _on_busy(record, publish)) is None:
            raise InvalidRequestError(
                f"The ledger does not have {record.id} as a pending job of this session (any "
                "more); nothing was sent.",
                next_step=f"%liangxin show {record.id} shows it.",
            )

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
            event, values = ("released", "before it was sent"), {"status": "pending", "owner": ""}
        else:
            event, values = ("rejected", str(error)), {"status": "rejected", "reason": str(error)}
        await self._writer.update_soon(record, *event, **values)
        return error

    async def _end(
        self, record: JobRecord, publish: Publish, status: str, error: LiangxinError
    ) -> None:
        """Record an error as the job's final status."""
        values = {"status": status, "reason": str(error)}
        with suppress(LedgerError):  # the error itself says more
            await self._writer.update(
                record, status, str(error), on_busy=_on_busy(record, publish), **values
            )


class _Permit:
    """The limiter of one create; while nothing is on its way, the create can be cancelled.

    Attributes:
        must_complete: Whether the request may be on its way, or its outcome is being recorded.
    """

    def __init__(self, limiter: SharedRateLimiter) -> None:
        self._limiter = limiter
        self._is_withdrawn = False
        self.must_complete: bool = False

    async def run(self, client: Client, request: Request, callback_url: str) -> CreatedTask:
        """Send the request; as long as it creates nothing, a few times."""
        self.must_complete = True
        try:
            return await client.create(request, callback_url=callback_url, limiter=self)
        except LiangxinError:
            self.must_complete = True
            raise

    def withdraw(self, create: asyncio.Task[JobRecord]) -> None:
        """Cancel the create now, or instead of its next attempt."""
        self._is_withdrawn = True
        if not self.must_complete:
            create.cancel()

    async def acquire_create(self) -> str:
        """Wait until the request may be sent again."""
        self._stop_if_withdrawn()
        slot_id = await self._limiter.acquire_create()
        self.must_complete = True
        return slot_id

    async def back_off(self, call: str, seconds: float | None) -> None:
        """Pause after an answer with status 429, which created nothing."""
        await self._limiter.back_off(call, seconds)
        self._stop_if_withdrawn()

    def _stop_if_withdrawn(self) -> None:
        self.must_complete = False
        if self._is_withdrawn:
            raise asyncio.CancelledError


async def _complete(
    create: asyncio.Task[JobRecord], permit: _Permit, record: JobRecord, publish: Publish
) -> JobRecord:
    """Return the outcome of a create; if the caller is cancelled, withdraw it or complete it."""
    while True:
        try:
            return await asyncio.shield(create)
        except asyncio.CancelledError:
            if create.cancelled():
                raise
            permit.withdraw(create)
            if permit.must_complete and not create.done():
                error = WaitTimeoutError(
                    "No longer watched while the request is being sent; it may be billed. Its "
                    "answer will be recorded.",
                    next_step=f"Collect it with %liangxin resume {record.id}",
                )
                update = JobUpdate(record, JobPhase.DETACHED, error=error, ended_at=time.time())
                publish(update)


def _on_busy(record: JobRecord, publish: Publish) -> OnBusy:
    """Return a function that publishes why a job is not sent yet."""
    return lambda note: publish(JobUpdate(record, JobPhase.SUBMITTING, note=note))
