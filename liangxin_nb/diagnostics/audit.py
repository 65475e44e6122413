"""The audit: how many jobs have which status, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..core.job_record import JobRecord
from ..core.recorded_update import INTERRUPTED
from ..ledger import Ledger
from ..results import ResultStore

__all__ = ["AuditRow", "audit", "mark_interrupted"]


@dataclass(frozen=True)
class AuditRow:
    """One line of the audit.

    Attributes:
        label: The group of jobs.
        count: The number of jobs in it.
        meaning: What this means for results and cost.
        next_step: What the user can do, or empty.
    """

    label: str
    count: int
    meaning: str
    next_step: str


#: For each group of jobs: label, meaning for results and cost, next step.
_ROWS = {
    "saved": ("saved", "collected, on this disk", ""),
    "partial": (
        "partly saved",
        "some outputs could not be downloaded",
        "%liangxin resume tries again for 14 days; then %liangxin resume ID",
    ),
    "removed": (
        "files removed",
        "collected once; the files are no longer in the folder",
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
        "look for it in the service's console; %liangxin resume TASK_ID collects it",
    ),
    "failed": (
        "failed",
        "it ran and failed; the service knows if it is billed",
        "change the prompt or the options",
    ),
    "result_lost": (
        "result lost",
        "the service no longer has the task or its file",
        "%liangxin resume tries again for 14 days; then %liangxin resume ID",
    ),
    "rejected": (
        "rejected",
        "the service rejected it or was not reached; not billed",
        "see %liangxin tasks for the reasons",
    ),
    "pending": (
        "never sent",
        "written to the ledger, not sent; not billed",
        "run the cell again; of a batch: %liangxin batches",
    ),
}


def mark_interrupted(ledger: Ledger, is_alive: Callable[[str], bool]) -> list[JobRecord]:
    """Mark jobs as unconfirmed if their process ended while the request was being sent.

    Args:
        ledger: The ledger to update.
        is_alive: Returns whether the process of an owner is running.

    Returns:
        The changed records.
    """
    return [
        ledger.update(record, "unconfirmed", INTERRUPTED, status="unconfirmed", reason=INTERRUPTED)
        for record in ledger.with_status("submitting")
        if not is_alive(record.owner)
    ]


def audit(ledger: Ledger, results: ResultStore, is_alive: Callable[[str], bool]) -> list[AuditRow]:
    """Count the jobs in the ledger by outcome; the counts add up to all jobs.

    Args:
        ledger: The ledger.
        results: The results folder, to notice removed files.
        is_alive: Returns whether the process of an owner is running.
    """
    mark_interrupted(ledger, is_alive)
    counts = dict(ledger.count_by_status())
    resumable = ledger.resumable()
    counts["followed"] = sum(is_alive(record.owner) for record in resumable)
    counts["waiting"] = len(resumable) - counts["followed"]
    saved = [r for r in ledger.with_status("saved") if (results.root / r.folder).is_dir()]
    counts["removed"] = counts.get("saved", 0) - len(saved)
    counts["partial"] = sum(record.is_partial for record in saved)
    counts["saved"] = len(saved) - counts["partial"]
    return [
        AuditRow(label, counts[key], meaning, next_step)
        for key, (label, meaning, next_step) in _ROWS.items()
        if counts.get(key)
    ]
