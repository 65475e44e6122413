"""Where a job stands after an error."""

from __future__ import annotations

from ..core.job_record import JobPhase
from ..errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    LedgerError,
    LiangxinError,
    ResultUnavailableError,
    TaskFailedError,
    WaitTimeoutError,
)

__all__ = ["phase_of_error"]

_PHASES: tuple[tuple[type[Exception], JobPhase], ...] = (
    (TaskFailedError, JobPhase.FAILED),
    (ResultUnavailableError, JobPhase.RESULT_LOST),
    (WaitTimeoutError, JobPhase.DETACHED),
    (APIError, JobPhase.REJECTED),
    (InvalidRequestError, JobPhase.REJECTED),
    (LedgerError, JobPhase.REJECTED),  # nothing is sent before it is recorded
)


def phase_of_error(error: LiangxinError, task_id: str) -> JobPhase:
    """Return the phase of a job that an error has ended.

    Args:
        error: The error.
        task_id: The job's task, or an empty text.
    """
    if task_id and isinstance(error, APIError | APIConnectionError | LedgerError):
        return JobPhase.DETACHED  # the poll failed, not the task
    if isinstance(error, ResultUnavailableError) and error.retryable:
        return JobPhase.DETACHED  # the result can still be collected
    if isinstance(error, APIConnectionError):
        return JobPhase.UNCONFIRMED if error.maybe_created else JobPhase.REJECTED
    return next((phase for kind, phase in _PHASES if isinstance(error, kind)), JobPhase.FAILED)
