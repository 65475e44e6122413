"""Submit and collect jobs with a callback URL, to which the service reports their end.

A callback is only a hint that names a task. If it names the job's own task, the task is polled at
once. If the response to createTask was lost, the named task is requested with our key; the job
becomes submitted only if the service's record has the same model and prompt. The callback's
content is never trusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ..api import Client
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import APIConnectionError, LiangxinError, TaskFailedError
from ..polling import Poller
from ..ratelimit import SharedRateLimiter
from ..results import Result
from .lifecycle import TaskLifecycle
from .submitter import Publish

if TYPE_CHECKING:
    from ..callbacks import CallbackChannel

__all__ = ["CallbackReconciler"]

Submit = Callable[[JobRecord, Publish], Coroutine[Any, Any, JobRecord]]
Collect = Callable[[JobRecord, Publish], Coroutine[Any, Any, Result]]
_RETRY_INTERVAL_S = 2.0  # seconds between two requests about tasks that callbacks have named


class CallbackReconciler:
    """Submits and collects jobs with the help of callbacks; opens nothing before it is used."""

    def __init__(
        self,
        lifecycle: TaskLifecycle,
        connect: Callable[[], Awaitable[Client]],
        poller: Poller,
        limiter: SharedRateLimiter,
        *,
        local: bool,
        patience: float,
    ) -> None:
        """Create a reconciler.

        Args:
            lifecycle: Submits and collects the jobs, and records them.
            connect: Returns the API client.
            poller: Polls the tasks that callbacks name.
            limiter: The rate limiter for requests outside the poller.
            local: Whether the service runs on this machine.
            patience: Seconds to wait for the callback of an unconfirmed job.
        """
        self._lifecycle = lifecycle
        self._connect = connect
        self._poller = poller
        self._limiter = limiter
        self._local = local
        self._patience = patience

    @cached_property
    def _channel(self) -> CallbackChannel:
        from ..callbacks import CallbackChannel  # loaded only where callbacks are used

        return CallbackChannel(local=self._local, patience=self._patience)

    def submission_strategy(self, callback: str) -> Callable[[JobRecord], tuple[Submit, Collect]]:
        """Choose how new jobs are submitted and collected.

        Args:
            callback: Empty to poll only, `auto`, or the user's own URL.

        Returns:
            A function from a job to the coroutine functions that submit and collect it.

        Raises:
            InvalidRequestError: If the service cannot reach the callback URL.
        """
        if not callback:
            return lambda _: (self._lifecycle.submit, self._lifecycle.collect)
        address = self._channel.resolve_address(callback)

        def choose(record: JobRecord) -> tuple[Submit, Collect]:
            if callback != "auto":
                submit = partial(self._lifecycle.submit, callback_url=address)
                return submit, self._lifecycle.collect
            url = self._channel.issue_url(record.id, address)
            return partial(self.submit, callback_url=url), self.collect

        return choose

    def collect_strategy(self, record: JobRecord) -> Collect:
        """Return how to collect a job of an earlier process; its callback may still arrive."""
        return (
            self.collect if self._channel.expects_callback(record.id) else self._lifecycle.collect
        )

    async def submit(self, record: JobRecord, publish: Publish, callback_url: str) -> JobRecord:
        """Send createTask, once.

        Args:
            record: The pending job.
            publish: Receives an update for each change.
            callback_url: The URL that the service calls when the task ends.

        Returns:
            The submitted job; an unconfirmed one if the response was lost.

        Raises:
            LiangxinError: If no task was created.
        """
        try:
            return await self._lifecycle.submit(record, publish, callback_url)
        except LiangxinError as error:
            if not (isinstance(error, APIConnectionError) and error.maybe_created):
                await asyncio.to_thread(self._channel.stop_expecting, record.id)
                raise
            record = record.replace(status="unconfirmed", reason=str(error))
            note = f"{error.message} A callback may still name it."
            publish(JobUpdate(record, JobPhase.SUBMITTING, note=note))
            return record

    async def collect(self, record: JobRecord, publish: Publish) -> Result:
        """Follow a job to its end; poll at once when a callback names its task.

        Args:
            record: A submitted or unconfirmed job.
            publish: Receives an update for each new state.

        Returns:
            The saved result.

        Raises:
            APIConnectionError: If no callback confirms an unconfirmed job in time.
            LiangxinError: As in `TaskLifecycle.collect`.
        """
        with self._channel.subscribe(record.id) as claims:
            if not record.task_id:
                record = await self._wait_for_claim(record, claims)
                publish(JobUpdate(record, JobPhase.WAITING))
                self._poller.poll_now(record.task_id)
            polling = asyncio.create_task(self._poll_on_hints(record.task_id, claims))
            try:
                result = await self._lifecycle.collect(record, publish)
            except TaskFailedError:
                await asyncio.to_thread(self._channel.stop_expecting, record.id)
                raise
            finally:
                polling.cancel()
        await asyncio.to_thread(self._channel.stop_expecting, record.id)
        return result

    async def confirm_hints(self, records: Iterable[JobRecord]) -> list[JobRecord]:
        """Return those unconfirmed jobs that callbacks have named, now submitted."""
        confirmed = []
        for record in records:
            for task_id in await asyncio.to_thread(self._channel.claimed_ids, record.id):
                with suppress(LiangxinError):
                    if submitted := await self.confirm(record, task_id):
                        confirmed.append(submitted)
                        break
        return confirmed

    async def confirm(self, record: JobRecord, task_id: str) -> JobRecord | None:
        """Check whether a task belongs to an unconfirmed job, and record it.

        Args:
            record: The unconfirmed job.
            task_id: The task that a callback or a user has named.

        Returns:
            The submitted job; None if the task is of another request.

        Raises:
            APIError: If the service rejected the poll request.
            APIConnectionError: If there was no answer.
        """
        client = await self._connect()
        await self._limiter.acquire_poll()
        task = await client.get_task(task_id)
        if not _matches(task, record.request):
            return None
        writer = self._lifecycle.writer
        return await writer.write(record.id, partial(writer.ledger.confirm_lost, record, task_id))

    async def _poll_on_hints(self, task_id: str, claims: asyncio.Queue[str]) -> None:
        while True:
            if await claims.get() == task_id:
                self._poller.poll_now(task_id)

    async def _wait_for_claim(self, record: JobRecord, claims: asyncio.Queue[str]) -> JobRecord:
        """Return the job once a callback has named its task; raise if none does in time."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._first_confirmed(record, claims)
        except (TimeoutError, asyncio.CancelledError):
            await self._lifecycle.writer.update_soon(record, "released", "no callback", owner="")
            raise APIConnectionError(record.reason, maybe_created=True) from None

    async def _first_confirmed(self, record: JobRecord, claims: asyncio.Queue[str]) -> JobRecord:
        other_ids: set[str] = set()
        while True:
            task_id = await claims.get()
            if task_id in other_ids:
                continue
            try:
                if submitted := await self.confirm(record, task_id):
                    return submitted
                other_ids.add(task_id)
            except LiangxinError as error:
                if error.retryable:
                    claims.put_nowait(task_id)
                else:
                    other_ids.add(task_id)
            await asyncio.sleep(_RETRY_INTERVAL_S)


def _matches(task: TaskRecord, request: Request) -> bool:
    """Return whether a task has the model and the prompt of a request."""
    echoed = task.param.get("input")
    prompt = echoed.get("prompt") if isinstance(echoed, dict) else None
    model = task.param.get("model") or task.model
    same_prompt = isinstance(prompt, str) and prompt.strip() == request.prompt.strip()
    return same_prompt and model == request.model
