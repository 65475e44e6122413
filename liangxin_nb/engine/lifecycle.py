"""One job record's way: sent, followed, downloaded, kept; each step in the ledger before the next.

A request that waits for its turn may be cancelled, one on its way is not (an answer lost is money
lost); `collect` may be, at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..api.codec import to_task_failed
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import APIError, LiangxinError, ResultUnavailableError
from ..ledger import Ledger
from ..polling import AdaptiveSchedule, PollSchedule, build_schedule
from ..ratelimit import SharedRateLimiter
from ..results import Result, ResultStore
from .ports import Connect, Tell, write_update
from .result_saver import ResultSaver
from .status_recorder import StatusRecorder
from .submitter import Submitter

__all__ = ["TaskLifecycle"]


class Follow(Protocol):
    """What follows a task to its final record (the scheduler does)."""

    def __call__(
        self,
        task_id: str,
        poll: Callable[[str], Awaitable[TaskRecord]],
        on_answer: Callable[[TaskRecord | LiangxinError], None],
        patience: float,
        *,
        schedule: AdaptiveSchedule | None,
        age: float,
    ) -> Awaitable[TaskRecord]: ...


class TaskLifecycle:
    """Carries job records through; `connect` gives the client, and starts a sandbox if need be."""

    def __init__(
        self,
        connect: Connect,
        ledger: Ledger,
        results: ResultStore,
        follow: Follow,
        limiter: SharedRateLimiter,
        *,
        schedule: PollSchedule,
        patience: float,
    ) -> None:
        self._connect = connect
        self._ledger = ledger
        self._follow = follow
        self._limiter = limiter
        self._submitter = Submitter(connect, ledger, limiter)
        self._saver = ResultSaver(ledger, results, limiter)
        self._schedule = schedule
        self._patience = patience
        self._new_ids: set[str] = set()

    async def submit(self, record: JobRecord, tell: Tell, callback: str = "") -> JobRecord:
        """createTask, once; returns the accepted job record or raises what stood in the way.

        See `Submitter.submit`.
        """
        record = await self._submitter.submit(record, tell, callback)
        self._new_ids.add(record.id)
        return record

    async def collect(self, record: JobRecord, tell: Tell) -> Result:
        """Follows an accepted record to its end and keeps its files; raises how else it ended."""
        try:
            return await self._collect(record, tell)
        except BaseException as error:
            # Whatever ended it here, someone else may take it up from now on.
            await write_update(self._ledger, record, "let go", type(error).__name__, owner="")
            raise

    async def _collect(self, record: JobRecord, tell: Tell) -> Result:
        client = await self._connect()
        watch = StatusRecorder(record, self._ledger, tell)
        age = 0.0 if record.id in self._new_ids else max(0.0, time.time() - record.created_at)
        self._new_ids.discard(record.id)
        learned = await asyncio.to_thread(self._schedule_for, record)
        try:
            task = await self._follow(
                record.task_id, client.get_task, watch.on_answer, self._patience,
                schedule=learned, age=age,
            )  # fmt: skip
        except APIError as error:
            if error.is_task_unknown:
                raise await self._mark_result_lost(record, _unknown_task_error(record)) from None
            raise
        finally:
            record = await watch.flush()
        if task.state == "fail":
            failed = to_task_failed(task)
            await write_update(
                self._ledger, record, "failed", str(failed), status="failed", reason=str(failed)
            )
            raise failed
        tell(JobUpdate(record, JobPhase.SAVING))
        try:
            return await self._saver.save(client, record, task)
        except ResultUnavailableError as error:
            raise await self._mark_result_lost(record, error) from None

    def _schedule_for(self, record: JobRecord) -> AdaptiveSchedule:
        """The plan for a task like this one, from what the ledger knows now."""
        return build_schedule(self._schedule, self._ledger.recent_durations(record))

    async def adopt(self, record: JobRecord, tell: Tell) -> JobRecord:
        """Takes a task of this key into the ledger, its request read back from the service."""
        client = await self._connect()
        await self._limiter.acquire_poll()
        try:
            task = await client.get_task(record.task_id)
        except APIError as error:
            raise _unknown_task_error(record) if error.is_task_unknown else error from None
        record = record.replace(request=_request_from_echo(task, record), status="submitted")
        await asyncio.to_thread(self._ledger.add, record)
        phase = JobPhase.WAITING if task.state.is_final else JobPhase(task.state)
        tell(JobUpdate(record, phase))
        return record

    async def _mark_result_lost(
        self, record: JobRecord, error: ResultUnavailableError
    ) -> ResultUnavailableError:
        error.task_id = record.task_id
        await write_update(
            self._ledger, record, "result_lost", str(error), status="result_lost", reason=str(error)
        )
        return error


def _unknown_task_error(record: JobRecord) -> ResultUnavailableError:
    return ResultUnavailableError(
        f"The service does not know task {record.task_id} (any more).",
        task_id=record.task_id,
        next_step="Tasks are seen by the key that made them, and not for ever.",
    )


def _request_from_echo(task: TaskRecord, record: JobRecord) -> Request:
    """The request as the service echoes it in `param`."""
    given = task.param.get("input")
    options = dict(given) if isinstance(given, dict) else {}
    prompt = str(options.pop("prompt", "") or "").strip()
    prompt = prompt or f"(the service tells no prompt for {record.task_id})"
    return Request(task.model or "unknown", prompt, options)
