"""How every place of a batch stands, and what that comes to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..core.job_record import RESUMABLE, JobRecord, JobUpdate
from ..errors import LiangxinError, WaitTimeoutError
from ..ledger import BatchRecord
from ..session import Session
from .outcome import RETRYABLE, Outcome, Progress

__all__ = ["BatchState", "update_from_record"]

_AMOUNT = 5  # results after which a rate means something; refusals come faster
_TROUBLE = ("failed", "rejected", "result_lost", "unconfirmed")
_COUNTED = ("saved", "pending", "detached", *_TROUBLE)


class BatchState:
    """The latest status of each place; written on the private loop, read from any thread."""

    def __init__(
        self,
        record: BatchRecord,
        profile: str,
        updates: Sequence[JobUpdate],
        attempts: Mapping[int, int],
    ) -> None:
        self.record = record
        self.rows: list[str] = record.plan["rows"]
        self.columns: list[str] = record.plan["columns"]
        #: The places in the order in which they ended.
        self.ended = [n for n, update in enumerate(updates) if update.is_final]
        self._profile = profile
        self._updates = list(updates)
        self._attempts = dict(attempts)
        self._reused: set[int] = set(map(int, record.plan.get("reused", {})))
        self._running_since: float | None = None
        self._elapsed = 0.0
        self._at_start = 0

    def __len__(self) -> int:
        return len(self._updates)

    def __iter__(self) -> Iterator[Outcome]:
        return map(self.outcome, range(len(self)))

    def outcome(self, place: int) -> Outcome:
        """One place, with its names."""
        row, column = divmod(place, len(self.columns))
        update = self._updates[place]
        return Outcome(
            place, self.rows[row], self.columns[column], update.record.request, update,
            self._attempts.get(place, 1), place in self._reused,
        )  # fmt: skip

    def last_update(self, place: int) -> JobUpdate:
        """The latest word about a place."""
        return self._updates[place]

    def update(self, place: int, update: JobUpdate) -> None:
        """A new word about a place."""
        self._updates[place] = update
        if update.is_final:
            self.ended.append(place)

    def restart(self, record: JobRecord) -> None:
        """A place begins anew, with another job record."""
        self._attempts[record.batch_index] = self._attempts.get(record.batch_index, 1) + 1
        self._updates[record.batch_index] = JobUpdate(record, "pending")

    def set_running(self, running: bool) -> None:
        """Starts or stops the clock."""
        if running and self._running_since is None:
            self._running_since = time.monotonic()
            self._at_start = sum(update.phase == "saved" for update in self._updates)
        elif not running and self._running_since is not None:
            self._elapsed += time.monotonic() - self._running_since
            self._running_since = None

    def progress(
        self, median_durations: Mapping[str, float], concurrency: int, paused: bool, active: bool
    ) -> Progress:
        """All of it at this moment; `median_durations`: seconds that the models' tasks take
        here.
        """
        updates = list(self._updates)
        counts = Counter(_counted_as(update.phase) for update in updates)
        now = time.monotonic()
        running = 0.0 if self._running_since is None else now - self._running_since
        fresh = counts["saved"] - self._at_start
        rate = fresh / running if running > 0 and fresh >= _AMOUNT else None
        left = (
            self._estimate_remaining(updates, rate, median_durations, concurrency)
            if active and not paused
            else None
        )
        troubles = tuple(o for o in self if o.status in _TROUBLE)
        return Progress(
            id=self.record.id,
            name=self.record.name,
            total=len(updates),
            counts=counts,
            failures=troubles,
            elapsed_s=self._elapsed + running,
            rate_per_min=rate * 60 if rate and active else None,
            eta_s=left,
            retryable=sum(o.status in RETRYABLE for o in troubles),
            reused=len(self._reused),
            extra_attempts=sum(self._attempts.values()) - len(self._attempts),
            paused=paused,
            active=active,
            profile=self._profile,
        )

    def _estimate_remaining(
        self,
        updates: Sequence[JobUpdate],
        rate: float | None,
        median_durations: Mapping[str, float],
        concurrency: int,
    ) -> float | None:
        """Seconds for the rest: by this batch's own pace, else by what its models take here."""
        rest = [update for update in updates if not update.is_final]
        if not rest:
            return None
        if rate is not None:
            return len(rest) / rate
        seconds = [median_durations.get(update.record.request.model) for update in rest]
        known = [one for one in seconds if one is not None]
        if len(known) < len(seconds):
            return None
        return max(max(known), sum(known) / min(concurrency, len(known)))


def update_from_record(session: Session, record: JobRecord) -> JobUpdate:
    """How a job record of the ledger stands, before anybody takes it up."""
    if record.status == "pending":
        return JobUpdate(record, "pending")
    if record.status == "saved":
        try:
            return JobUpdate(
                record, "saved", result=session.result(record), ended_at=record.created_at
            )
        except LiangxinError as gone:
            return JobUpdate(record, "result_lost", error=gone, ended_at=record.created_at)
    if record.status in RESUMABLE:
        return JobUpdate(record, record.state or "waiting")
    if record.status == "submitting":
        error: LiangxinError = WaitTimeoutError("Its request is being sent by another notebook.")
        return JobUpdate(record, "detached", error=error, ended_at=record.created_at)
    error = LiangxinError(record.reason, task_id=record.task_id or None)
    return JobUpdate(record, record.status, error=error, ended_at=record.created_at)


def _counted_as(phase: str) -> str:
    return phase if phase in _COUNTED else "running"
