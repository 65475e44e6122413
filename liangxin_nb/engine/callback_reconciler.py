"""Tickets that the service may call about: hurried by hints, and found again when lost.

A hint names a task. About an accepted ticket's own task it is asked at once. Where the answer to
createTask was lost, the service is asked for the named task with our key, and only its own record
of the same model and prompt makes the ticket accepted: a caller is never believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, suppress
from functools import cached_property, partial
from typing import Any, Protocol

from ..api import Client
from ..core.job_record import Status, Ticket
from ..core.request import Request
from ..core.task import Record
from ..errors import APIConnectionError, LiangxinError, TaskFailedError
from ..ledger import Ledger
from ..results import Result

__all__ = ["Recovery"]

Tell = Callable[[Status], None]
Send = Callable[[Ticket, Tell], Coroutine[Any, Any, Ticket]]
Collect = Callable[[Ticket, Tell], Coroutine[Any, Any, Result]]
_AGAIN = 2.0  # seconds between two questions about named tasks of one ticket


class Carrier(Protocol):
    """What carries a ticket through (its life does)."""

    async def send(self, ticket: Ticket, tell: Tell, callback: str = "") -> Ticket: ...
    async def collect(self, ticket: Ticket, tell: Tell) -> Result: ...


class Line(Protocol):
    """The way on which calls come (the callbacks have it)."""

    def address(self, wish: str) -> str: ...
    def open(self, ticket: str, address: str) -> str: ...
    def over(self, ticket: str) -> AbstractContextManager[asyncio.Queue[str]]: ...
    def claims(self, ticket: str) -> list[str]: ...
    def holds(self, ticket: str) -> bool: ...
    def forget(self, ticket: str) -> None: ...


class Recovery:
    """Carries tickets through with an ear for calls; `line` is made when it is first needed.

    `turn` returns when one question may be asked.
    """

    def __init__(
        self,
        life: Carrier,
        connect: Callable[[], Awaitable[Client]],
        ledger: Ledger,
        line: Callable[[], Line],
        hurry: Callable[[str], None],
        *,
        turn: Callable[[], Awaitable[None]],
        patience: float,
    ) -> None:
        self._life = life
        self._connect = connect
        self._ledger = ledger
        self._make = line
        self._hurry = hurry
        self._turn = turn
        self._patience = patience

    @cached_property
    def _line(self) -> Line:
        return self._make()

    def way(self, wish: str) -> Callable[[Ticket], tuple[Send, Collect]]:
        """How tickets are sent and collected: `wish` is empty, `auto`, or a URL of one's own.

        Raises `InvalidRequestError` when there is no address to be called at.
        """
        if not wish:
            return lambda _: (self._life.send, self._life.collect)
        address = self._line.address(wish)
        if wish != "auto":
            return lambda _: (partial(self._life.send, callback=address), self._life.collect)

        def called(ticket: Ticket) -> tuple[Send, Collect]:
            url = self._line.open(ticket.id, address)
            return partial(self.send, callback=url), self.collect

        return called

    def collecting(self, ticket: Ticket) -> Collect:
        """How a ticket of an earlier process is collected: calls about it may still come."""
        return self.collect if self._line.holds(ticket.id) else self._life.collect

    async def send(self, ticket: Ticket, tell: Tell, callback: str) -> Ticket:
        """createTask, once; a ticket whose answer was lost is returned as unknown, not raised."""
        try:
            return await self._life.send(ticket, tell, callback)
        except LiangxinError as error:
            if not (isinstance(error, APIConnectionError) and error.maybe_created):
                await asyncio.to_thread(self._line.forget, ticket.id)
                raise
            lost = ticket.but(fate="unknown", reason=str(error))
            tell(Status(lost, "sending", note=f"{error.message} A call may still name it."))
            return lost

    async def collect(self, ticket: Ticket, tell: Tell) -> Result:
        """Follows a ticket to its end, and asks at once when a call says that it is there."""
        with self._line.over(ticket.id) as news:
            if not ticket.task_id:
                ticket = await self._named(ticket, news)
                tell(Status(ticket, "waiting"))
                self._hurry(ticket.task_id)
            hurrying = asyncio.create_task(self._hurrying(ticket.task_id, news))
            try:
                result = await self._life.collect(ticket, tell)
            except TaskFailedError:
                await asyncio.to_thread(self._line.forget, ticket.id)
                raise
            finally:
                hurrying.cancel()
        await asyncio.to_thread(self._line.forget, ticket.id)
        return result

    async def look(self, tickets: Iterable[Ticket]) -> list[Ticket]:
        """Those of some lost tickets that calls have named meanwhile, now accepted."""
        found = []
        for ticket in tickets:
            for task_id in await asyncio.to_thread(self._line.claims, ticket.id):
                with suppress(LiangxinError):
                    if accepted := await self.confirm(ticket, task_id):
                        found.append(accepted)
                        break
        return found

    async def confirm(self, ticket: Ticket, task_id: str) -> Ticket | None:
        """The ticket accepted under a named id, if the service's record is of its request.

        Raises `APIError` or `APIConnectionError` when the service does not say.
        """
        client = await self._connect()
        await self._turn()
        record = await client.record(task_id)
        if not _of(record, ticket.request):
            return None
        return await asyncio.to_thread(self._ledger.found, ticket, task_id)

    async def _hurrying(self, task_id: str, news: asyncio.Queue[str]) -> None:
        while True:
            if await news.get() == task_id:
                self._hurry(task_id)

    async def _named(self, ticket: Ticket, news: asyncio.Queue[str]) -> Ticket:
        """The ticket once a call has named its task; raises that it is unknown when none does."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._confirmed(ticket, news)
        except (TimeoutError, asyncio.CancelledError):
            await asyncio.to_thread(
                lambda: self._ledger.change(ticket, "let go", "no call", owner="")
            )
            raise APIConnectionError(ticket.reason, maybe_created=True) from None

    async def _confirmed(self, ticket: Ticket, news: asyncio.Queue[str]) -> Ticket:
        others: set[str] = set()
        while True:
            task_id = await news.get()
            if task_id in others:
                continue
            try:
                if accepted := await self.confirm(ticket, task_id):
                    return accepted
                others.add(task_id)
            except LiangxinError as error:
                if error.retryable:
                    news.put_nowait(task_id)
                else:
                    others.add(task_id)
            await asyncio.sleep(_AGAIN)


def _of(record: Record, request: Request) -> bool:
    """Whether a record's own words tell of this request's model and prompt."""
    given = record.param.get("input")
    prompt = given.get("prompt") if isinstance(given, dict) else None
    model = record.param.get("model") or record.model
    same = isinstance(prompt, str) and prompt.strip() == request.prompt.strip()
    return same and model == request.model
