"""Record the answers about a followed task in the ledger, and publish them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.task import TaskRecord
from ..errors import LiangxinError
from ..ledger import Ledger
from .journal import retry_write

__all__ = ["StatusRecorder"]


class StatusRecorder:
    """Writes each new state of one task to the ledger, in order, and publishes an update."""

    def __init__(
        self, record: JobRecord, ledger: Ledger, publish: Callable[[JobUpdate], None]
    ) -> None:
        self._record = record
        self._ledger = ledger
        self._publish = publish
        self._last_write: asyncio.Task[None] | None = None

    def on_answer(self, answer: TaskRecord | LiangxinError) -> None:
        """Handle a task record, or the error of a poll request that will be repeated."""
        if isinstance(answer, LiangxinError):
            phase = JobPhase(self._record.state or "waiting")
            self._publish(JobUpdate(self._record, phase, note=answer.message))
            return
        if answer.state != self._record.state:
            self._record = self._record.replace(state=str(answer.state))
            self._last_write = asyncio.create_task(self._write(answer, self._last_write))
        if not answer.state.is_final:
            self._publish(JobUpdate(self._record, JobPhase(answer.state)))

    async def _write(self, task: TaskRecord, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await previous
        values: dict[str, object] = {"state": str(task.state)}
        if task.started_after_s is not None:
            values["started_after_s"] = task.started_after_s
        if task.state == "success":
            values |= {
                "status": "succeeded",
                "duration_s": task.duration_s,
                "credits": task.credits,
            }
        write = partial(self._ledger.update, self._record, str(task.state), task.raw, **values)
        self._record = await retry_write(write, self._on_busy)

    def _on_busy(self, note: str) -> None:
        phase = JobPhase(self._record.state or "waiting")
        self._publish(JobUpdate(self._record, phase, note=note))

    async def flush(self) -> JobRecord:
        """Return the job record once every state so far is written."""
        if self._last_write is not None:
            await asyncio.shield(self._last_write)
        return self._record
