"""createTask, once: a turn is waited for, and every step is in the ledger before the next."""

from __future__ import annotations

import asyncio

from ..api import Client
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..errors import APIConnectionError, InvalidRequestError, LiangxinError
from ..ledger import Ledger
from ..ratelimit import SharedRateLimiter
from .ports import Connect, Tell, write_update

__all__ = ["Submitter"]

_MAX_IN_FLIGHT = 4  # requests on their way


class Submitter:
    """Sends intents, each when its turn comes."""

    def __init__(self, connect: Connect, ledger: Ledger, limiter: SharedRateLimiter) -> None:
        self._connect = connect
        self._ledger = ledger
        self._limiter = limiter
        # What is on its way when a process dies is unknown forever: let that be few.
        self._in_flight = asyncio.Semaphore(_MAX_IN_FLIGHT)

    async def submit(self, record: JobRecord, tell: Tell, callback: str = "") -> JobRecord:
        """createTask, once; returns the accepted job record or raises what stood in the way.

        `callback`: the URL that the service is asked to call at the end; kept nowhere. Cancelled
        while it waits for its turn, it ends as refused, and nothing was sent; a batch's job record
        stays an intent, for the batch to send when it goes on.
        """
        try:
            client, turn = await self._acquire(record, tell)
            await self._in_flight.acquire()
        except asyncio.CancelledError:
            raise await self._mark_withdrawn(record) from None
        except LiangxinError as error:
            await self._mark_rejected(record, error)
            raise
        try:
            record = await _shielded(
                asyncio.create_task(self._create_in_slot(client, record, callback, turn))
            )
        finally:
            self._in_flight.release()
        tell(JobUpdate(record, JobPhase.WAITING))
        return record

    async def _acquire(self, record: JobRecord, tell: Tell) -> tuple[Client, str]:
        rate = self._limiter.create_rate

        def left(seconds: float) -> None:
            tell(
                JobUpdate(record, JobPhase.SUBMITTING, note=f"Sending in {seconds:.0f} s: {rate}.")
            )

        client = await self._connect()
        turn = await self._limiter.acquire_create(left)
        tell(JobUpdate(record, JobPhase.SUBMITTING))
        return client, turn

    async def _create_in_slot(
        self, client: Client, record: JobRecord, callback: str, turn: str
    ) -> JobRecord:
        try:
            return await self._create(client, record, callback)
        finally:
            await self._limiter.confirm_create(turn)  # the id is in the ledger before anything else

    async def _create(self, client: Client, record: JobRecord, callback: str) -> JobRecord:
        try:
            record = await write_update(self._ledger, record, "submitting", status="submitting")
            task_id = await client.create(
                record.request, callback_url=callback, limiter=self._limiter
            )
        except LiangxinError as error:
            unknown = isinstance(error, APIConnectionError) and error.maybe_created
            status = "unconfirmed" if unknown else "rejected"
            await write_update(
                self._ledger, record, status, str(error), status=status, reason=str(error)
            )
            raise
        return await write_update(
            self._ledger, record, "submitted", task_id, status="submitted", task_id=task_id
        )

    async def _mark_withdrawn(self, record: JobRecord) -> LiangxinError:
        said = InvalidRequestError(
            "Left before its turn came: nothing was sent, nothing was billed."
        )
        if record.batch_id:
            await write_update(self._ledger, record, "let go", "before its turn", owner="")
        else:
            await self._mark_rejected(record, said)
        return said

    async def _mark_rejected(self, record: JobRecord, error: LiangxinError) -> None:
        reason = str(error)
        await write_update(
            self._ledger, record, "rejected", reason, status="rejected", reason=reason
        )


async def _shielded(sending: asyncio.Task[JobRecord]) -> JobRecord:
    """The outcome of a request on its way, whoever no longer wants to wait for it."""
    while True:
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            if sending.cancelled():
                raise
