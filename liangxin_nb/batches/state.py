"""The state of a running batch: the latest update of every job, and the progress of all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..cell_outputs.batch_summary import (
    FAILED,
    RETRYABLE,
    BatchSummary,
    newest_by_index,
)
from ..core.job_record import JobPhase, JobRecord, JobStatus, JobUpdate
from ..core.recorded_update import update_from_record
from ..ledger import BatchRecord
from ..session import BaseSession
from .outcome import Outcome, Progress, StatusCounts

__all__ = ["BatchState", "is_unfinished", "newest_records", "update_of"]

_MIN_RESULTS = 5  # results after which a rate is meaningful; rejections are faster than results


class BatchState:
    """The latest update of each job; written on the background loop, read from any thread."""

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
        #: Indices in the order in which their jobs ended.
        self.ended: list[int] = [index for index, update in enumerate(updates) if update.is_final]
        self._profile = profile
        self._updates = list(updates)
        self._attempts = dict(attempts)
        self._reused: set[int] = set(map(int, record.plan.get("reused", {})))
        self._running_since: float | None = None
        self._elapsed_s = 0.0
        self._saved_at_start = 0

    def __len__(self) -> int:
        return len(self._updates)

    def __iter__(self) -> Iterator[Outcome]:
        return map(self.outcome, range(len(self)))

    def outcome(self, index: int) -> Outcome:
        """Return the outcome at an index."""
        row, column = divmod(index, len(self.columns))
        update = self._updates[index]
        attempts, reused = self._attempts.get(index, 1), index in self._reused
        labels = (self.rows[row], self.columns[column])
        return Outcome(index, *labels, update.record.request, update, attempts, reused)

    def last_update(self, index: int) -> JobUpdate:
        """Return the latest update at an index."""
        return self._updates[index]

    def update(self, index: int, update: JobUpdate) -> None:
        """Store a new update at an index."""
        was_final = self._updates[index].is_final
        self._updates[index] = update
        if update.is_final and not was_final:
            self.ended.append(index)

    def refresh(self, index: int, update: JobUpdate) -> None:
        """Store what the ledger has at an index; it does not contain reference pictures."""
        known = self._updates[index].record
        if known.id == update.record.id:
            update = replace(update, record=update.record.replace(request=known.request))
        self.update(index, update)

    def restart(self, record: JobRecord) -> None:
        """Replace the job at an index by a new one, for a retry."""
        self._attempts[record.batch_index] = self._attempts.get(record.batch_index, 1) + 1
        self._updates[record.batch_index] = JobUpdate(record, JobPhase.PENDING)

    @property
    def summary(self) -> BatchSummary:
        """The batch as its durable output shows it."""
        batch = self.record
        return BatchSummary(
            batch.id, batch.name, self.rows, self.columns, tuple(self._updates), self._reused
        )

    def set_running(self, running: bool) -> None:
        """Start or stop measuring the elapsed time."""
        if running and self._running_since is None:
            self._running_since = time.monotonic()
            self._saved_at_start = sum(update.phase == "saved" for update in self._updates)
        elif not running and self._running_since is not None:
            self._elapsed_s += time.monotonic() - self._running_since
            self._running_since = None

    def progress(
        self, median_durations: Mapping[str, float], concurrency: int, paused: bool, active: bool
    ) -> Progress:
        """Return a snapshot.

        Args:
            median_durations: Usual duration of a task in seconds, by model.
            concurrency: Number of tasks in flight at once.
            paused: Whether no more requests are submitted.
            active: Whether a task is in flight or about to be submitted.
        """
        updates = list(self._updates)
        counts = self.summary.counts
        running_s = 0.0
        if self._running_since is not None:
            running_s = time.monotonic() - self._running_since
        new_results = counts["saved"] + counts["partly_saved"] - self._saved_at_start
        rate = new_results / running_s if running_s > 0 and new_results >= _MIN_RESULTS else None
        remaining_s = None
        if active and not paused:
            remaining_s = _estimate_remaining(updates, rate, median_durations, concurrency)
        failures = tuple(outcome for outcome in self if outcome.status in FAILED)
        return Progress(
            id=self.record.id,
            name=self.record.name,
            total=len(updates),
            counts=StatusCounts(counts),
            failures=failures,
            incomplete=tuple(
                outcome
                for outcome in self
                if outcome.last_update.display_state in ("partly_saved", "not_fetched")
            ),
            elapsed_s=self._elapsed_s + running_s,
            rate_per_min=rate * 60 if rate and active else None,
            eta_s=remaining_s,
            retryable=sum(outcome.status in RETRYABLE for outcome in failures),
            reused=len(self._reused),
            extra_attempts=sum(self._attempts.values()) - len(self._attempts),
            paused=paused,
            active=active,
            profile=self._profile,
        )


def _estimate_remaining(
    updates: Sequence[JobUpdate],
    rate: float | None,
    median_durations: Mapping[str, float],
    concurrency: int,
) -> float | None:
    """Estimate the remaining seconds from the batch's own rate, else from its models' medians."""
    unfinished = [update for update in updates if not update.is_final]
    if not unfinished:
        return None
    if rate is not None:
        return len(unfinished) / rate
    models = [update.record.request.model for update in unfinished]
    if not all(model in median_durations for model in models):
        return None
    durations = [median_durations[model] for model in models]
    return max(max(durations), sum(durations) / min(concurrency, len(durations)))


def is_unfinished(record: JobRecord) -> bool:
    """Return whether a batch can send or collect a job, or wait until it is sent."""
    return record.status in (JobStatus.PENDING, JobStatus.SUBMITTING) or record.is_collectable


def update_of(session: BaseSession, record: JobRecord) -> JobUpdate:
    """Return the status of a record as the ledger has it."""
    is_sending = record.status == JobStatus.SUBMITTING
    return JobUpdate(record) if is_sending else update_from_record(session.result, record)


def newest_records(session: BaseSession, batch: BatchRecord) -> dict[int, JobRecord]:
    """Return the newest record of each index of a batch, by index; some are of earlier work."""
    earlier = map(session.ledger.find, set(batch.plan.get("reused", {}).values()))
    records = [*filter(None, earlier), *session.ledger.jobs_of_batch(batch.id)]
    return newest_by_index(batch.id, batch.plan, records)
