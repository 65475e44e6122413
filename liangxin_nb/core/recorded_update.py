"""What the ledger says about a job that this process does not follow, as an update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import (
    APIConnectionError,
    LiangxinError,
    ResultUnavailableError,
    TaskFailedError,
    WaitTimeoutError,
)
from .job_record import RESUMABLE, JobPhase, JobRecord, JobUpdate

__all__ = ["INTERRUPTED", "update_from_record"]

INTERRUPTED = "The process ended while the request was on its way: a task may have been created."


def update_from_record(load: Callable[[JobRecord], Any], record: JobRecord) -> JobUpdate:
    """Return the status of a ledger record that no job of this process follows.

    Args:
        load: Returns the saved result of a record.
        record: The record.
    """
    if record.status == "pending":
        return JobUpdate(record, JobPhase.PENDING)
    if record.status in RESUMABLE:
        return JobUpdate(record, JobPhase(record.state or "waiting"))
    phase, result = JobPhase(record.status), None
    error: LiangxinError | None = _error_of(record)
    if record.status == "submitting":
        phase = JobPhase.DETACHED
        error = WaitTimeoutError("Another notebook is sending this request.")
    elif record.status == "deleted":
        phase = JobPhase.RESULT_LOST
        step = f"%liangxin resume {record.id} asks once more."
        error = LiangxinError("Its result was deleted.", next_step=record.reason or step)
    elif record.status == "saved":
        try:
            result, error = load(record), None
        except LiangxinError as unavailable:
            phase, error = JobPhase.RESULT_LOST, unavailable
    return JobUpdate(record, phase, error=error, result=result, ended_at=record.created_at)


def _error_of(record: JobRecord) -> LiangxinError:
    """Return the error of a job that has ended, as far as its status tells."""
    task_id = record.task_id or None
    if record.status == "unconfirmed":
        return APIConnectionError(record.reason, maybe_created=True, task_id=task_id)
    if record.status == "failed":
        return TaskFailedError(record.reason, task_id=task_id)
    kind = ResultUnavailableError if record.status == "result_lost" else LiangxinError
    return kind(record.reason, task_id=task_id)
