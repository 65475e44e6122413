"""The end of the process: answers on their way are recorded, and what remains is printed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from ..core.job_record import JobPhase, JobUpdate
from ..core.printing import print_text
from ..engine.background_loop import before_exit
from ..errors import InvalidRequestError
from .job import Job

__all__ = ["MAX_HOLD_S", "ExitGuard", "note_unsent"]

MAX_HOLD_S = 4.0  # Jupyter kills a kernel five seconds after its request to shut down
_INTERVAL_S = 0.02


class ExitGuard:
    """Holds the end of the process while createTask requests of a session are on their way."""

    def __init__(
        self, unsettled: Callable[[], Sequence[Job]], stop_sending: Callable[[], None]
    ) -> None:
        """Guard the jobs of a session until `release`.

        Args:
            unsettled: Returns the jobs that have not ended or are being sent.
            stop_sending: Makes requests that are withdrawn stay pending.
        """
        self._unsettled, self._stop_sending = unsettled, stop_sending
        process = os.getpid()
        if process not in _guards:  # also the first session of a forked process
            _guards.clear()
            _unsent.clear()
            try:
                before_exit(_end)
            except RuntimeError:
                raise _ending_error() from None
            _guards[process] = set()
        _guards[process].add(self)

    def check(self) -> None:
        """Raise an error if Python is ending: no request can be sent any more."""
        if os.getpid() in _ending:
            raise _ending_error()

    def release(self) -> None:
        """Forget the session: nothing of it is on its way any more."""
        _guards.get(os.getpid(), set()).discard(self)

    def withdraw(self) -> list[Job]:
        """Withdraw what was not sent; return the jobs that were not settled."""
        self._stop_sending()
        jobs = list(self._unsettled())
        for job in jobs:
            if job.is_submitting:
                job.detach()
        return jobs


#: The sessions of each process; only of this one.
_guards: dict[int, set[ExitGuard]] = {}
#: This process, if it is ending.
_ending: set[int] = set()
#: The ids of the jobs that were withdrawn before they were sent.
_unsent: dict[str, None] = {}


def note_unsent(update: JobUpdate) -> None:
    """Print at the end of the process that a job was not sent, if it has ended so."""
    if isinstance(update.error, InvalidRequestError):
        _unsent[update.record.id] = None


def _end() -> None:
    _ending.add(os.getpid())
    _hold()


def _hold() -> None:
    """Wait until every answer is recorded, at most `MAX_HOLD_S`; print what remains."""
    guards = list(_guards.get(os.getpid(), ()))
    jobs = [job for guard in guards for job in guard.withdraw()]
    end = time.monotonic() + MAX_HOLD_S
    while any(map(_is_on_its_way, jobs)) and time.monotonic() < end:
        time.sleep(_INTERVAL_S)
    with suppress(Exception):  # the output may be closed
        for line in _describe(jobs):
            print_text(line, to_error=True)


def _ending_error() -> InvalidRequestError:
    return InvalidRequestError(
        "Python is ending; nothing was sent.",
        next_step="Create tasks before the end of the script, and end it with job.wait().",
    )


def _is_on_its_way(job: Job) -> bool:
    """Return whether a job is being sent, or is about to end without having been sent."""
    return job.is_submitting or not (job.task_id or job.last_update.is_final)


def _describe(jobs: Sequence[Job]) -> list[str]:
    """Return a line for each group of jobs without a result."""
    for job in jobs:
        note_unsent(job.last_update)
    jobs = [job for job in jobs if job.status not in (JobPhase.SAVED, JobPhase.FAILED)]
    running = [job.task_id for job in jobs if job.task_id]
    unanswered = [job.record.id for job in jobs if not job.task_id and job.is_submitting]
    lines = []
    if running:
        lines.append(
            f"liangxin_nb: {_count(running, 'task')} at the service ({_ids(running)}): "
            "liangxin_nb.resume() collects."
        )
    if unanswered:
        lines.append(
            f"liangxin_nb: {_count(unanswered, 'request')} may have been billed "
            f"({_ids(unanswered)}): %liangxin doctor."
        )
    if _unsent:
        were = "were" if len(_unsent) != 1 else "was"
        lines.append(
            f"liangxin_nb: {_count(_unsent, 'request')} {were} not sent ({_ids(list(_unsent))}); "
            "nothing was billed. End a script with job.wait()."
        )
    return lines


def _count(items: Collection[str], noun: str) -> str:
    return f"{len(items)} {noun}{'s' if len(items) != 1 else ''}"


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
