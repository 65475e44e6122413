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
    """One line of the reckoning: how many tickets, what it means for money and work, what to do."""

    label: str
    count: int
    meaning: str
    next_step: str


def mark_interrupted(ledger: Ledger, is_alive: Callable[[str], bool]) -> list[JobRecord]:
    """Marks as unknown what was being sent when its process ended; returns those tickets."""
    return [
        ledger.update(ticket, "unknown", _INTERRUPTED, fate="unknown", reason=_INTERRUPTED)
        for ticket in ledger.with_status("sent")
        if not is_alive(ticket.owner)
    ]


def audit(ledger: Ledger, results: ResultStore, is_alive: Callable[[str], bool]) -> list[AuditRow]:
    """Every kind of ticket that there is, counted; the counts add up to all that was asked for."""
    mark_interrupted(ledger, is_alive)
    counts = ledger.count_by_status()
    open_ = ledger.resumable()
    followed = sum(is_alive(ticket.owner) for ticket in open_)
    missing = sum(not (results.root / t.folder).is_dir() for t in ledger.with_status("kept"))
    kinds = [
        ("kept", counts.get("kept", 0) - missing, "collected, on this disk", ""),
        ("kept, then removed", missing, "collected once; the files are gone from the folder",
         "%liangxin resume ID asks the service once more"),
        ("deleted", counts.get("deleted", 0), "collected once; deleted on purpose",
         "%liangxin resume ID asks the service once more"),
        ("followed now", followed, "at the service; a notebook watches it", ""),
        ("waiting to be collected", len(open_) - followed, "at the service; nobody watches it",
         "%liangxin resume"),
        ("being sent", counts.get("sent", 0), "the answer is awaited", ""),
        ("unknown", counts.get("unknown", 0), "the answer was lost: it may exist and be billed",
         "look at the service's console; %liangxin resume TASK_ID takes up what you find"),
        ("failed", counts.get("failed", 0), "it ran and failed; the service knows if it is billed",
         "change the prompt or the options"),
        ("lost", counts.get("lost", 0), "it succeeded; the file could not be had",
         "%liangxin resume ID tries once more"),
        ("refused", counts.get("refused", 0), "the service said no, or was not reached; not billed",
         "see %liangxin tasks for the reasons"),
        ("never sent", counts.get("intent", 0), "written down, not sent; not billed",
         "run the cell again; of a batch: %liangxin batches"),
    ]  # fmt: skip
    return [AuditRow(*kind) for kind in kinds if kind[1]]
