"""The reckoning: what was submitted, what became of it, and what to do about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..core.job_record import JobRecord
from ..ledger import Ledger
from ..results import ResultStore

__all__ = ["AuditRow", "audit", "mark_interrupted"]

_INTERRUPTED = "The process ended while the request was on its way: a task may have been created."


@dataclass(frozen=True)
class AuditRow:
    """One line of the reckoning: how many records, what it means for money and work, what to do."""

    label: str
    count: int
    meaning: str
    next_step: str


#: What to say about each group of jobs: label, meaning for results and money, next step.
_ROWS = {
    "saved": ("saved", "collected, on this disk", ""),
    "removed": (
        "files removed",
        "collected once; the files are gone from the folder",
        "%liangxin resume ID asks the service once more",
    ),
    "deleted": (
        "deleted",
        "collected once; deleted on purpose",
        "%liangxin resume ID asks the service once more",
    ),
    "followed": ("followed now", "at the service; a notebook watches it", ""),
    "waiting": (
        "waiting to be collected",
        "at the service; no notebook watches it",
        "%liangxin resume",
    ),
    "submitting": ("being sent", "the answer is awaited", ""),
    "unconfirmed": (
        "unconfirmed",
        "the answer was lost: it may exist and be billed",
        "look at the service's console; %liangxin resume TASK_ID takes up what you find",
    ),
    "failed": (
        "failed",
        "it ran and failed; the service knows if it is billed",
        "change the prompt or the options",
    ),
    "result_lost": (
        "result lost",
        "it succeeded; the file could not be downloaded",
        "%liangxin resume ID tries once more",
    ),
    "rejected": (
        "rejected",
        "the service refused it, or was not reached; not billed",
        "see %liangxin tasks for the reasons",
    ),
    "pending": (
        "never sent",
        "written to the ledger, not sent; not billed",
        "run the cell again; of a batch: %liangxin batches",
    ),
}


def mark_interrupted(ledger: Ledger, is_alive: Callable[[str], bool]) -> list[JobRecord]:
    """Marks as unknown what was being sent when its process ended; returns those job records."""
    return [
        ledger.update(
            record, "unconfirmed", _INTERRUPTED, status="unconfirmed", reason=_INTERRUPTED
        )
        for record in ledger.with_status("submitting")
        if not is_alive(record.owner)
    ]


def audit(ledger: Ledger, results: ResultStore, is_alive: Callable[[str], bool]) -> list[AuditRow]:
    """Count the jobs in the ledger by what became of them; the counts add up to all jobs."""
    mark_interrupted(ledger, is_alive)
    counts = dict(ledger.count_by_status())
    resumable = ledger.resumable()
    counts["followed"] = sum(is_alive(record.owner) for record in resumable)
    counts["waiting"] = len(resumable) - counts["followed"]
    counts["removed"] = sum(
        not (results.root / record.folder).is_dir() for record in ledger.with_status("saved")
    )
    counts["saved"] = counts.get("saved", 0) - counts["removed"]
    return [
        AuditRow(label, counts[key], meaning, next_step)
        for key, (label, meaning, next_step) in _ROWS.items()
        if counts.get(key)
    ]
