"""How every place of a batch stands, and what that comes to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..core.job_record import RESUMABLE, JobRecord, JobUpdate
from ..errors import LiangxinError, WaitTimeoutError
from ..ledger import Bundle
from ..session import Session
from .outcome import AGAIN, Outcome, Progress

__all__ = ["Board", "stands"]

_AMOUNT = 5  # results after which a rate means something; refusals come faster
_TROUBLE = ("failed", "refused", "lost", "unknown")
_COUNTED = ("done", "unsent", "left", *_TROUBLE)


class Board:
    """The latest status of each place; written on the private loop, read from any thread."""

    def __init__(
        self, bundle: Bundle, profile: str, statuses: Sequence[JobUpdate], tries: Mapping[int, int]
    ) -> None:
        self.bundle = bundle
        self.rows: list[str] = bundle.plan["rows"]
        self.columns: list[str] = bundle.plan["columns"]
        #: The places in the order in which they ended.
        self.ended = [n for n, status in enumerate(statuses) if status.is_final]
        self._profile = profile
        self._statuses = list(statuses)
        self._tries = dict(tries)
        self._reused: set[int] = set(map(int, bundle.plan.get("reused", {})))
        self._since: float | None = None
        self._worked = 0.0
        self._at_start = 0

    def __len__(self) -> int:
        return len(self._statuses)

    def __iter__(self) -> Iterator[Outcome]:
        return map(self.outcome, range(len(self)))

    def outcome(self, place: int) -> Outcome:
        """One place, with its names."""
        row, column = divmod(place, len(self.columns))
        status = self._statuses[place]
        return Outcome(
            place, self.rows[row], self.columns[column], status.record.request, status,
            self._tries.get(place, 1), place in self._reused,
        )  # fmt: skip

    def status(self, place: int) -> JobUpdate:
        """The latest word about a place."""
        return self._statuses[place]

    def put(self, place: int, status: JobUpdate) -> None:
        """A new word about a place."""
        self._statuses[place] = status
        if status.is_final:
            self.ended.append(place)

    def again(self, ticket: JobRecord) -> None:
        """A place begins anew, with another ticket."""
        self._tries[ticket.place] = self._tries.get(ticket.place, 1) + 1
        self._statuses[ticket.place] = JobUpdate(ticket, "unsent")

    def moves(self, moving: bool) -> None:
        """Starts or stops the clock."""
        if moving and self._since is None:
            self._since = time.monotonic()
            self._at_start = sum(status.phase == "done" for status in self._statuses)
        elif not moving and self._since is not None:
            self._worked += time.monotonic() - self._since
            self._since = None

    def progress(
        self, usual: Mapping[str, float], window: int, paused: bool, moving: bool
    ) -> Progress:
        """All of it at this moment; `usual`: seconds that the models' tasks take here."""
        statuses = list(self._statuses)
        counts = Counter(_kind(status.phase) for status in statuses)
        now = time.monotonic()
        running = 0.0 if self._since is None else now - self._since
        fresh = counts["done"] - self._at_start
        rate = fresh / running if running > 0 and fresh >= _AMOUNT else None
        left = self._left(statuses, rate, usual, window) if moving and not paused else None
        troubles = tuple(o for o in self if o.state in _TROUBLE)
        return Progress(
            id=self.bundle.id, name=self.bundle.name, total=len(statuses), counts=counts,
            troubles=troubles, seconds=self._worked + running,
            rate=rate * 60 if rate and moving else None, left=left,
            again=sum(o.state in AGAIN for o in troubles), reused=len(self._reused),
            tries=sum(self._tries.values()) - len(self._tries), paused=paused, moving=moving,
            profile=self._profile,
        )  # fmt: skip

    def _left(
        self,
        statuses: Sequence[JobUpdate],
        rate: float | None,
        usual: Mapping[str, float],
        window: int,
    ) -> float | None:
        """Seconds for the rest: by this batch's own pace, else by what its models take here."""
        rest = [status for status in statuses if not status.is_final]
        if not rest:
            return None
        if rate is not None:
            return len(rest) / rate
        seconds = [usual.get(status.record.request.model) for status in rest]
        known = [one for one in seconds if one is not None]
        if len(known) < len(seconds):
            return None
        return max(max(known), sum(known) / min(window, len(known)))


def stands(session: Session, ticket: JobRecord) -> JobUpdate:
    """How a ticket of the ledger stands, before anybody takes it up."""
    if ticket.fate == "intent":
        return JobUpdate(ticket, "unsent")
    if ticket.fate == "kept":
        try:
            return JobUpdate(ticket, "done", result=session.result(ticket), ended_at=ticket.at)
        except LiangxinError as gone:
            return JobUpdate(ticket, "lost", error=gone, ended_at=ticket.at)
    if ticket.fate in RESUMABLE:
        return JobUpdate(ticket, ticket.state or "waiting")
    if ticket.fate == "sent":
        error: LiangxinError = WaitTimeoutError("Its request is being sent by another notebook.")
        return JobUpdate(ticket, "left", error=error, ended_at=ticket.at)
    error = LiangxinError(ticket.reason, task_id=ticket.task_id or None)
    return JobUpdate(ticket, ticket.fate, error=error, ended_at=ticket.at)


def _kind(phase: str) -> str:
    return phase if phase in _COUNTED else "running"
