"""One ticket's way: sent, followed, downloaded, kept; each step in the ledger before the next.

A request that waits for its turn may be cancelled, one on its way is not (an answer lost is money
lost); `collect` may be, at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..api.codec import failure
from ..core.job_record import Status, Ticket
from ..core.request import Request
from ..core.task import Record
from ..errors import APIError, LiangxinError, ResultUnavailableError
from ..ledger import Ledger, durations
from ..polling import Pace, Plan, plan
from ..ratelimit import Budget
from ..results import Result, Results
from .ports import Connect, Tell, write
from .result_saver import Keeping
from .status_recorder import Watch
from .submitter import Sending

__all__ = ["Life"]


class Follow(Protocol):
    """What follows a task to its final record (the scheduler does)."""

    def __call__(
        self,
        task_id: str,
        ask: Callable[[str], Awaitable[Record]],
        told: Callable[[Record | LiangxinError], None],
        patience: float,
        *,
        learned: Plan | None,
        age: float,
    ) -> Awaitable[Record]: ...


class Life:
    """Carries tickets through; `connect` gives the client, and starts a sandbox if need be."""

    def __init__(
        self,
        connect: Connect,
        ledger: Ledger,
        results: Results,
        follow: Follow,
        budget: Budget,
        *,
        pace: Pace,
        patience: float,
    ) -> None:
        self._connect = connect
        self._ledger = ledger
        self._follow = follow
        self._budget = budget
        self._sending = Sending(connect, ledger, budget)
        self._keeping = Keeping(ledger, results, budget)
        self._pace = pace
        self._patience = patience
        self._fresh: set[str] = set()

    async def send(self, ticket: Ticket, tell: Tell, callback: str = "") -> Ticket:
        """createTask, once; returns the accepted ticket or raises what stood in the way.

        See `Sending.send`.
        """
        ticket = await self._sending.send(ticket, tell, callback)
        self._fresh.add(ticket.id)
        return ticket

    async def collect(self, ticket: Ticket, tell: Tell) -> Result:
        """Follows an accepted ticket to its end and keeps its files; raises how else it ended."""
        try:
            return await self._collected(ticket, tell)
        except BaseException as error:
            # Whatever ended it here, somebody else may take it up from now on.
            await write(self._ledger, ticket, "let go", type(error).__name__, owner="")
            raise

    async def _collected(self, ticket: Ticket, tell: Tell) -> Result:
        client = await self._connect()
        watch = Watch(ticket, self._ledger, tell)
        age = 0.0 if ticket.id in self._fresh else max(0.0, time.time() - ticket.at)
        self._fresh.discard(ticket.id)
        learned = await asyncio.to_thread(self._learned, ticket)
        try:
            record = await self._follow(
                ticket.task_id, client.record, watch.told, self._patience,
                learned=learned, age=age,
            )  # fmt: skip
        except APIError as error:
            if error.absent:
                raise await self._lost(ticket, _forgotten(ticket)) from None
            raise
        finally:
            ticket = await watch.caught_up()
        if record.state == "fail":
            failed = failure(record)
            await write(
                self._ledger, ticket, "failed", str(failed), fate="failed", reason=str(failed)
            )
            raise failed
        tell(Status(ticket, "saving"))
        try:
            return await self._keeping.keep(client, ticket, record)
        except ResultUnavailableError as error:
            raise await self._lost(ticket, error) from None

    def _learned(self, ticket: Ticket) -> Plan:
        """The plan for a task like this one, from what the ledger knows now."""
        return plan(self._pace, durations(self._ledger, ticket))

    async def adopt(self, ticket: Ticket, tell: Tell) -> Ticket:
        """Takes a task of this key into the ledger, its request read back from the service."""
        client = await self._connect()
        await self._budget.query()
        try:
            record = await client.record(ticket.task_id)
        except APIError as error:
            raise _forgotten(ticket) if error.absent else error from None
        ticket = ticket.but(request=_echoed(record, ticket), fate="accepted")
        await asyncio.to_thread(self._ledger.add, ticket)
        tell(Status(ticket, str(record.state) if not record.state.final else "waiting"))
        return ticket

    async def _lost(self, ticket: Ticket, error: ResultUnavailableError) -> ResultUnavailableError:
        error.task_id = ticket.task_id
        await write(self._ledger, ticket, "lost", str(error), fate="lost", reason=str(error))
        return error


def _forgotten(ticket: Ticket) -> ResultUnavailableError:
    return ResultUnavailableError(
        f"The service does not know task {ticket.task_id} (any more).",
        task_id=ticket.task_id,
        next_step="Tasks are seen by the key that made them, and not for ever.",
    )


def _echoed(record: Record, ticket: Ticket) -> Request:
    """The request as the service echoes it in `param`."""
    given = record.param.get("input")
    options = dict(given) if isinstance(given, dict) else {}
    prompt = str(options.pop("prompt", "") or "").strip()
    prompt = prompt or f"(the service tells no prompt for {ticket.task_id})"
    return Request(record.model or "unknown", prompt, options)
