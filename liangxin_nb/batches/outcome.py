"""What is told of a batch: the outcome of one place, and how all of them stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.job_record import JobUpdate
from ..core.request import Request
from ..results import Result

__all__ = ["RETRYABLE", "Outcome", "Progress", "format_counts"]

#: Phases after which the same may be asked for again: nothing of it can still come, or be billed
#: a second time unseen. Never one whose answer was lost.
RETRYABLE = ("failed", "rejected")
_ORDER = (
    "saved",
    "running",
    "pending",
    "failed",
    "rejected",
    "result_lost",
    "unconfirmed",
    "detached",
)
_WORDS = {"running": "running", "pending": "not sent yet", "detached": "detached (still running)",
          "unconfirmed": "unconfirmed (may be billed)"}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One place of a batch as it stands: what was asked for there, and what became of it.

    `index` counts from 0, row by row; `row` and `column` are their names; `attempts`: how many
    job records this place has had; `reused`: its result was kept already, nothing was sent.
    """

    index: int
    row: str
    column: str
    request: Request
    last_update: JobUpdate
    attempts: int = 1
    reused: bool = False

    @property
    def status(self) -> str:
        """Where it stands: unsent, sending, the wire's own states, saving, done, failed, …."""
        return self.last_update.phase

    @property
    def result(self) -> Result | None:
        """The result once it is kept, else None."""
        found = self.last_update.result
        return found if isinstance(found, Result) else None

    @property
    def reason(self) -> str:
        """Why there is no result, in one line; empty where nothing went wrong."""
        return str(self.last_update.error or "")

    @property
    def task_id(self) -> str:
        """The service's id, or an empty text without one."""
        return self.last_update.record.task_id

    def __repr__(self) -> str:
        where = f"{self.row} · {self.column}" if self.column else self.row
        told = repr(self.result) if self.result else f"{self.status} {self.reason}".strip()
        return f"<{self.index}: {where} · {told}>"


@dataclass(frozen=True)
class Progress:
    """How a batch stands at a moment: a snapshot.

    `counts`: how many places are done, running, unsent, failed, refused, lost, unknown, left;
    `elapsed_s`: how long it has been worked on here; `rate_per_min`: results per minute, `eta_s`:
    seconds that the rest may take, both None where nothing is known; `retryable`: how many failed
    places may be sent again; `active`: whether anything still happens here.
    """

    id: str
    name: str
    total: int
    counts: Mapping[str, int]
    failures: tuple[Outcome, ...]
    elapsed_s: float
    rate_per_min: float | None
    eta_s: float | None
    retryable: int
    reused: int
    extra_attempts: int
    paused: bool
    active: bool
    profile: str

    @property
    def done(self) -> bool:
        """Whether every place has its result."""
        return self.counts.get("saved", 0) == self.total

    @property
    def text(self) -> str:
        """One line: `60 tasks: 51 saved, 6 failed, 3 rejected`."""
        return f"{self.total} task{'s' * (self.total != 1)}: {format_counts(self.counts)}"


def format_counts(counts: Mapping[str, Any]) -> str:
    """The counts in words, in the order in which people ask: `51 saved, 6 failed`."""
    told = (f"{counts[name]} {_WORDS.get(name, name)}" for name in _ORDER if counts.get(name))
    return ", ".join(told) or "nothing"
