"""One ticket's way: sent, followed, downloaded, kept; each step in the ledger before the next.

A request that waits for its turn may be cancelled, one on its way is not (an answer lost is money
lost); `collect` may be, at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from .budget import Budget
from .client import Client
from .errors import InvalidRequest, LiangxinError, ResultLost, ServiceError, Unreachable
from .ledger import Ledger, durations
from .pacing import Pace, Plan, plan
from .record import Media, Record
from .request import Request
from .results import Parcel, Result, Results
from .stories import Story
from .ticket import Status, Ticket
from .wire import failure

__all__ = ["Life"]

Tell = Callable[[Status], None]


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
        connect: Callable[[], Awaitable[Client]],
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
        self._results = results
        self._follow = follow
        self._budget = budget
        self._pace = pace
        self._patience = patience
        self._fresh: set[str] = set()

    async def send(self, ticket: Ticket, tell: Tell, callback: str = "") -> Ticket:
        """createTask, once; returns the accepted ticket or raises what stood in the way.

        `callback`: the URL that the service is asked to call at the end; kept nowhere. Cancelled
        while it waits for its turn, it ends as refused, and nothing was sent.
        """
        try:
            client, turn = await self._turn(ticket, tell)
        except LiangxinError as error:
            await self._write(ticket, "refused", str(error), fate="refused", reason=str(error))
            raise
        ticket = await _whole(asyncio.create_task(self._sent(client, ticket, callback, turn)))
        self._fresh.add(ticket.id)
        tell(Status(ticket, "waiting"))
        return ticket

    async def _turn(self, ticket: Ticket, tell: Tell) -> tuple[Client, str]:
        rate = self._budget.creating

        def left(seconds: float) -> None:
            tell(Status(ticket, "sending", note=f"Sending in {seconds:.0f} s: {rate}."))

        try:
            client = await self._connect()
            turn = await self._budget.create(left)
        except asyncio.CancelledError:
            raise InvalidRequest(
                "Left before its turn came: nothing was sent, nothing was billed."
            ) from None
        tell(Status(ticket, "sending"))
        return client, turn

    async def _sent(self, client: Client, ticket: Ticket, callback: str, turn: str) -> Ticket:
        try:
            return await self._asked(client, ticket, callback)
        finally:
            await self._budget.created(turn)  # the id is in the ledger before anything else

    async def _asked(self, client: Client, ticket: Ticket, callback: str) -> Ticket:
        try:
            ticket = await self._write(ticket, "sent", fate="sent")
            task_id = await client.create(ticket.request, callback=callback, turns=self._budget)
        except LiangxinError as error:
            unknown = isinstance(error, Unreachable) and error.maybe_created
            fate = "unknown" if unknown else "refused"
            await self._write(ticket, fate, str(error), fate=fate, reason=str(error))
            raise
        return await self._write(ticket, "accepted", task_id, fate="accepted", task_id=task_id)

    async def collect(self, ticket: Ticket, tell: Tell) -> Result:
        """Follows an accepted ticket to its end and keeps its files; raises how else it ended."""
        try:
            return await self._collected(ticket, tell)
        except BaseException as error:
            # Whatever ended it here, somebody else may take it up from now on.
            await self._write(ticket, "let go", type(error).__name__, owner="")
            raise

    async def _collected(self, ticket: Ticket, tell: Tell) -> Result:
        client = await self._connect()
        watch = _Watch(ticket, self._ledger, tell)
        age = 0.0 if ticket.id in self._fresh else max(0.0, time.time() - ticket.at)
        self._fresh.discard(ticket.id)
        learned = await asyncio.to_thread(self._learned, ticket)
        try:
            record = await self._follow(
                ticket.task_id, client.record, watch.told, self._patience,
                learned=learned, age=age,
            )  # fmt: skip
        except ServiceError as error:
            if error.absent:
                raise await self._lost(ticket, _forgotten(ticket)) from None
            raise
        finally:
            ticket = await watch.caught_up()
        if record.state == "fail":
            failed = failure(record)
            await self._write(ticket, "failed", str(failed), fate="failed", reason=str(failed))
            raise failed
        tell(Status(ticket, "saving"))
        try:
            return await self._keep(client, ticket, record)
        except ResultLost as error:
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
        except ServiceError as error:
            raise _forgotten(ticket) if error.absent else error from None
        ticket = ticket.but(request=_echoed(record, ticket), fate="accepted")
        await asyncio.to_thread(self._ledger.add, ticket)
        tell(Status(ticket, str(record.state) if not record.state.final else "waiting"))
        return ticket

    async def _lost(self, ticket: Ticket, error: ResultLost) -> ResultLost:
        error.task_id = ticket.task_id
        await self._write(ticket, "lost", str(error), fate="lost", reason=str(error))
        return error

    async def _keep(self, client: Client, ticket: Ticket, record: Record) -> Result:
        result = await asyncio.to_thread(self._results.found, ticket)
        if result is None:
            result = await self._fetch(client, ticket, record)
        folder = result.folder.relative_to(self._results.root).as_posix()
        await asyncio.to_thread(self._ledger.keep, ticket, folder, result.story.files)
        return result

    async def _fetch(self, client: Client, ticket: Ticket, record: Record) -> Result:
        parcel = await asyncio.to_thread(self._results.parcel, ticket)
        try:
            try:
                return await self._download(client, parcel, ticket, record)
            except ResultLost:
                # The link may only be old: the service can give a fresh one, once.
                await self._budget.query()
                record = await client.record(ticket.task_id)
                return await self._download(client, parcel, ticket, record)
        finally:
            await asyncio.to_thread(parcel.drop)

    async def _download(
        self, client: Client, parcel: Parcel, ticket: Ticket, record: Record
    ) -> Result:
        if not record.media:
            raise ResultLost("The task succeeded, but the answer names no result.")
        parts = [(media, parcel.part(n)) for n, media in enumerate(record.media, 1)]
        await asyncio.gather(*(_arrive(client, media, part) for media, part in parts))
        story = _story(ticket, record)
        return await asyncio.to_thread(parcel.seal, story, record.media)

    async def _write(self, ticket: Ticket, what: str, detail: str = "", **values: str) -> Ticket:
        # In a thread: the disk may be slow, and the loop must not stand still for it.
        return await asyncio.to_thread(lambda: self._ledger.change(ticket, what, detail, **values))


class _Watch:
    """Turns the scheduler's answers into ledger lines and statuses, each new state once."""

    def __init__(self, ticket: Ticket, ledger: Ledger, tell: Tell) -> None:
        self._ticket = ticket
        self._ledger = ledger
        self._tell = tell
        self._writing: asyncio.Task[None] | None = None

    def told(self, answer: Record | LiangxinError) -> None:
        if isinstance(answer, LiangxinError):
            phase = self._ticket.state or "waiting"
            self._tell(Status(self._ticket, phase, note=answer.message))
            return
        changed = answer.state != self._ticket.state
        if changed:
            self._ticket = self._ticket.but(state=str(answer.state))
            self._writing = asyncio.create_task(self._write(answer, self._writing))
        if not answer.state.final:
            self._tell(Status(self._ticket, str(answer.state)))

    async def _write(self, record: Record, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        values: dict[str, object] = {"state": str(record.state)}
        if record.state == "success":
            values |= {"fate": "succeeded", "seconds": record.seconds, "credits": record.credits}
        self._ticket = await asyncio.to_thread(
            lambda: self._ledger.change(self._ticket, str(record.state), record.raw, **values)
        )

    async def caught_up(self) -> Ticket:
        """The ticket, once everything told so far is written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        return self._ticket


async def _whole(sending: asyncio.Task[Ticket]) -> Ticket:
    """The outcome of a request on its way, whoever no longer wants to wait for it."""
    while True:
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            if sending.cancelled():
                raise


async def _arrive(client: Client, media: Media, part: Path) -> None:
    """One output, from its link or out of the answer itself."""
    if media.text:
        await asyncio.to_thread(part.write_text, media.text, encoding="utf-8")
    else:
        await client.download(media.url, part)


def _forgotten(ticket: Ticket) -> ResultLost:
    return ResultLost(
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


def _story(ticket: Ticket, record: Record) -> Story:
    request = ticket.request
    return Story(
        prompt=request.prompt,
        model=request.model,
        task_id=ticket.task_id,
        ticket=ticket.id,
        service=ticket.profile,
        made=datetime.now().astimezone().isoformat(timespec="seconds"),
        options=request.told,
        drawing=ticket.profile == "sandbox",
        seconds=record.seconds,
        credits=record.credits,
    )
