"""Record the answers about a followed task in the ledger, and publish them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..core.task import TaskRecord
from ..errors import LiangxinError
from .ledger_writer import LedgerWriter

__all__ = ["StatusRecorder"]


class StatusRecorder:
    """Writes each new state of one task to the ledger, in order, and publishes an update.

    The job does not wait for these writes: its next change comes after them.

    Attributes:
        record: The job with its last state.
    """

    def __init__(
        self, record: JobRecord, writer: LedgerWriter, publish: Callable[[JobUpdate], None]
    ) -> None:
        self.record: JobRecord = record
        self._writer = writer
        self._publish = publish
        self._phase = JobPhase(record.state or "waiting")

    def on_answer(self, answer: TaskRecord | LiangxinError) -> None:
        """Handle a task record, or the error of a poll request that will be repeated."""
        if isinstance(answer, LiangxinError):
            self.publish_note(answer.message)
            return
        if answer.state != self.record.state:
            self._write(answer)
        if not answer.state.is_final:
            self._phase = JobPhase(answer.state)
            self._publish(JobUpdate(self.record, self._phase))

    def _write(self, task: TaskRecord) -> None:
        values: dict[str, object] = {"state": str(task.state)}
        if task.started_after_s is not None:
            values["started_after_s"] = task.started_after_s
        if task.state == "success":
            values |= {
                "status": "succeeded",
                "duration_s": task.duration_s,
                "credits": task.credits,
            }
        change = partial(
            self._writer.ledger.update, self.record, str(task.state), task.raw, **values
        )
        self._writer.schedule(self.record.id, change, self.publish_note)
        self.record = self.record.replace(**values)

    def publish_saving(self) -> None:
        """Publish that the outputs are being downloaded."""
        self._phase = JobPhase.SAVING
        self._publish(JobUpdate(self.record, self._phase))

    def publish_note(self, note: str) -> None:
        """Publish a remark."""
        self._publish(JobUpdate(self.record, self._phase, note=note))
