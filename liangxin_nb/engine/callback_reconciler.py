"""Job records that the service may call about: hurried by hints, and found again when lost.

A hint names a task. About an accepted record's own task it is asked at once. Where the answer to
createTask was lost, the service is asked for the named task with our key, and only its own record
of the same model and prompt makes the job record accepted: a caller is never believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, suppress
from functools import cached_property, partial
from typing import Any, Protocol

from ..api import Client
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import APIConnectionError, LiangxinError, TaskFailedError
from ..ledger import Ledger
from ..results import Result

__all__ = ["CallbackReconciler"]

Tell = Callable[[JobUpdate], None]
Send = Callable[[JobRecord, Tell], Coroutine[Any, Any, JobRecord]]
Collect = Callable[[JobRecord, Tell], Coroutine[Any, Any, Result]]
_RETRY_INTERVAL_S = 2.0  # seconds between two questions about named tasks of one job record


class Lifecycle(Protocol):
    """What carries a job record through (its life does)."""

    async def submit(self, record: JobRecord, tell: Tell, callback: str = "") -> JobRecord: ...
    async def collect(self, record: JobRecord, tell: Tell) -> Result: ...


class Channel(Protocol):
    """The way on which calls come (the callbacks have it)."""

    def address(self, callback: str) -> str: ...
    def open(self, ticket: str, address: str) -> str: ...
    def subscribe(self, ticket: str) -> AbstractContextManager[asyncio.Queue[str]]: ...
    def claimed_ids(self, ticket: str) -> list[str]: ...
    def holds(self, ticket: str) -> bool: ...
    def forget(self, ticket: str) -> None: ...


class CallbackReconciler:
    """Carries job records through with an ear for calls; `channel` is made when it is first needed.

    `acquire_poll` returns when one question may be asked.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        connect: Callable[[], Awaitable[Client]],
        ledger: Ledger,
        channel: Callable[[], Channel],
        poll_now: Callable[[str], None],
        *,
        acquire_poll: Callable[[], Awaitable[None]],
        patience: float,
    ) -> None:
        self._lifecycle = lifecycle
        self._connect = connect
        self._ledger = ledger
        self._make_channel = channel
        self._poll_now = poll_now
        self._acquire_poll = acquire_poll
        self._patience = patience

    @cached_property
    def _channel(self) -> Channel:
        return self._make_channel()

    def submission_strategy(self, callback: str) -> Callable[[JobRecord], tuple[Send, Collect]]:
        """How records are sent and collected: `callback` is empty, `auto`, or a URL of one's own.

        Raises `InvalidRequestError` when there is no address to be called at.
        """
        if not callback:
            return lambda _: (self._lifecycle.submit, self._lifecycle.collect)
        address = self._channel.address(callback)
        if callback != "auto":
            return lambda _: (
                partial(self._lifecycle.submit, callback=address),
                self._lifecycle.collect,
            )

        def called(record: JobRecord) -> tuple[Send, Collect]:
            url = self._channel.open(record.id, address)
            return partial(self.submit, callback=url), self.collect

        return called

    def collect_strategy(self, record: JobRecord) -> Collect:
        """How a job record of an earlier process is collected: calls about it may still come."""
        return self.collect if self._channel.holds(record.id) else self._lifecycle.collect

    async def submit(self, record: JobRecord, tell: Tell, callback: str) -> JobRecord:
        """createTask, once; a record whose answer was lost is returned as unknown, not raised."""
        try:
            return await self._lifecycle.submit(record, tell, callback)
        except LiangxinError as error:
            if not (isinstance(error, APIConnectionError) and error.maybe_created):
                await asyncio.to_thread(self._channel.forget, record.id)
                raise
            lost = record.replace(status="unconfirmed", reason=str(error))
            tell(
                JobUpdate(
                    lost, JobPhase.SUBMITTING, note=f"{error.message} A call may still name it."
                )
            )
            return lost

    async def collect(self, record: JobRecord, tell: Tell) -> Result:
        """Follows a job record to its end, and asks at once when a call says that it is there."""
        with self._channel.subscribe(record.id) as news:
            if not record.task_id:
                record = await self._wait_for_claim(record, news)
                tell(JobUpdate(record, JobPhase.WAITING))
                self._poll_now(record.task_id)
            hurrying = asyncio.create_task(self._poll_on_hints(record.task_id, news))
            try:
                result = await self._lifecycle.collect(record, tell)
            except TaskFailedError:
                await asyncio.to_thread(self._channel.forget, record.id)
                raise
            finally:
                hurrying.cancel()
        await asyncio.to_thread(self._channel.forget, record.id)
        return result

    async def confirm_hints(self, records: Iterable[JobRecord]) -> list[JobRecord]:
        """Those of some lost job records that calls have named meanwhile, now accepted."""
        found = []
        for record in records:
            for task_id in await asyncio.to_thread(self._channel.claimed_ids, record.id):
                with suppress(LiangxinError):
                    if accepted := await self.confirm(record, task_id):
                        found.append(accepted)
                        break
        return found

    async def confirm(self, record: JobRecord, task_id: str) -> JobRecord | None:
        """The job record accepted under a named id, if the service's record is of its request.

        Raises `APIError` or `APIConnectionError` when the service does not say.
        """
        client = await self._connect()
        await self._acquire_poll()
        task = await client.get_task(task_id)
        if not _matches(task, record.request):
            return None
        return await asyncio.to_thread(self._ledger.confirm_lost, record, task_id)

    async def _poll_on_hints(self, task_id: str, news: asyncio.Queue[str]) -> None:
        while True:
            if await news.get() == task_id:
                self._poll_now(task_id)

    async def _wait_for_claim(self, record: JobRecord, news: asyncio.Queue[str]) -> JobRecord:
        """The record once a call has named its task; raises that it is unknown when none does."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._first_confirmed(record, news)
        except (TimeoutError, asyncio.CancelledError):
            await asyncio.to_thread(
                lambda: self._ledger.update(record, "let go", "no call", owner="")
            )
            raise APIConnectionError(record.reason, maybe_created=True) from None

    async def _first_confirmed(self, record: JobRecord, news: asyncio.Queue[str]) -> JobRecord:
        others: set[str] = set()
        while True:
            task_id = await news.get()
            if task_id in others:
                continue
            try:
                if accepted := await self.confirm(record, task_id):
                    return accepted
                others.add(task_id)
            except LiangxinError as error:
                if error.retryable:
                    news.put_nowait(task_id)
                else:
                    others.add(task_id)
            await asyncio.sleep(_RETRY_INTERVAL_S)


def _matches(task: TaskRecord, request: Request) -> bool:
    """Whether a record's own words tell of this request's model and prompt."""
    given = task.param.get("input")
    prompt = given.get("prompt") if isinstance(given, dict) else None
    model = task.param.get("model") or task.model
    same = isinstance(prompt, str) and prompt.strip() == request.prompt.strip()
    return same and model == request.model
