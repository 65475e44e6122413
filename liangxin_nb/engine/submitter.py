"""createTask, once: a turn is waited for, and every step is in the ledger before the next."""

from __future__ import annotations

import asyncio

from ..api import Client
from ..core.job_record import Status, Ticket
from ..errors import APIConnectionError, InvalidRequestError, LiangxinError
from ..ledger import Ledger
from ..ratelimit import Budget
from .ports import Connect, Tell, write

__all__ = ["Sending"]

_AT_ONCE = 4  # requests on their way


class Sending:
    """Sends intents, each when its turn comes."""

    def __init__(self, connect: Connect, ledger: Ledger, budget: Budget) -> None:
        self._connect = connect
        self._ledger = ledger
        self._budget = budget
        # What is on its way when a process dies is unknown for ever: let that be few.
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def send(self, ticket: Ticket, tell: Tell, callback: str = "") -> Ticket:
        """createTask, once; returns the accepted ticket or raises what stood in the way.

        `callback`: the URL that the service is asked to call at the end; kept nowhere. Cancelled
        while it waits for its turn, it ends as refused, and nothing was sent; a batch's ticket
        stays an intent, for the batch to send when it goes on.
        """
        try:
            client, turn = await self._turn(ticket, tell)
            await self._few.acquire()
        except asyncio.CancelledError:
            raise await self._withdrawn(ticket) from None
        except LiangxinError as error:
            await self._refused(ticket, error)
            raise
        try:
            ticket = await _whole(asyncio.create_task(self._sent(client, ticket, callback, turn)))
        finally:
            self._few.release()
        tell(Status(ticket, "waiting"))
        return ticket

    async def _turn(self, ticket: Ticket, tell: Tell) -> tuple[Client, str]:
        rate = self._budget.creating

        def left(seconds: float) -> None:
            tell(Status(ticket, "sending", note=f"Sending in {seconds:.0f} s: {rate}."))

        client = await self._connect()
        turn = await self._budget.create(left)
        tell(Status(ticket, "sending"))
        return client, turn

    async def _sent(self, client: Client, ticket: Ticket, callback: str, turn: str) -> Ticket:
        try:
            return await self._asked(client, ticket, callback)
        finally:
            await self._budget.created(turn)  # the id is in the ledger before anything else

    async def _asked(self, client: Client, ticket: Ticket, callback: str) -> Ticket:
        try:
            ticket = await write(self._ledger, ticket, "sent", fate="sent")
            task_id = await client.create(ticket.request, callback=callback, turns=self._budget)
        except LiangxinError as error:
            unknown = isinstance(error, APIConnectionError) and error.maybe_created
            fate = "unknown" if unknown else "refused"
            await write(self._ledger, ticket, fate, str(error), fate=fate, reason=str(error))
            raise
        return await write(
            self._ledger, ticket, "accepted", task_id, fate="accepted", task_id=task_id
        )

    async def _withdrawn(self, ticket: Ticket) -> LiangxinError:
        said = InvalidRequestError(
            "Left before its turn came: nothing was sent, nothing was billed."
        )
        if ticket.batch:
            await write(self._ledger, ticket, "let go", "before its turn", owner="")
        else:
            await self._refused(ticket, said)
        return said

    async def _refused(self, ticket: Ticket, error: LiangxinError) -> None:
        reason = str(error)
        await write(self._ledger, ticket, "refused", reason, fate="refused", reason=reason)


async def _whole(sending: asyncio.Task[Ticket]) -> Ticket:
    """The outcome of a request on its way, whoever no longer wants to wait for it."""
    while True:
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            if sending.cancelled():
                raise
