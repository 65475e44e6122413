"""What a followed task's answers come to: ledger lines and statuses."""

from __future__ import annotations

import asyncio

from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.task import TaskRecord
from ..errors import LiangxinError
from ..ledger import Ledger
from .ports import Tell

__all__ = ["StatusRecorder"]


class StatusRecorder:
    """Turns the scheduler's answers into ledger lines and statuses, each new state once."""

    def __init__(self, record: JobRecord, ledger: Ledger, tell: Tell) -> None:
        self._record = record
        self._ledger = ledger
        self._tell = tell
        self._writing: asyncio.Task[None] | None = None

    def on_answer(self, answer: TaskRecord | LiangxinError) -> None:
        """A new answer, or what stood in its way."""
        if isinstance(answer, LiangxinError):
            phase = JobPhase(self._record.state or "waiting")
            self._tell(JobUpdate(self._record, phase, note=answer.message))
            return
        changed = answer.state != self._record.state
        if changed:
            self._record = self._record.replace(state=str(answer.state))
            self._writing = asyncio.create_task(self._write(answer, self._writing))
        if not answer.state.is_final:
            self._tell(JobUpdate(self._record, JobPhase(answer.state)))

    async def _write(self, task: TaskRecord, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        values: dict[str, object] = {"state": str(task.state)}
        if task.started_after_s is not None:
            values["started_after_s"] = task.started_after_s
        if task.state == "success":
            values |= {
                "status": "succeeded",
                "duration_s": task.duration_s,
                "credits": task.credits,
            }
        self._record = await asyncio.to_thread(
            lambda: self._ledger.update(self._record, str(task.state), task.raw, **values)
        )

    async def flush(self) -> JobRecord:
        """The job record, once everything told so far is written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        return self._record
