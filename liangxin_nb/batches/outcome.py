"""Values that describe a batch: the outcome at one index, and the progress of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..cell_outputs.batch_summary import describe_counts
from ..core.formatting import printable
from ..core.job_record import JobPhase, JobUpdate
from ..core.public import public
from ..core.request import Request
from ..core.table import Table
from ..errors import InvalidRequestError
from ..results import Result

__all__ = ["Outcome", "Progress", "StatusCounts", "outcome_table", "when_idle"]


_HEADINGS = ("index", "row", "column", "model", "prompt", "options", "status", "attempts", "reused",
             "task_id", "duration_s", "credits", "path or reason")  # fmt: skip


class StatusCounts(dict[str, int]):
    """How many requests are in each state of `STATUS_LABELS`; `done` is the word for saved."""

    def __missing__(self, name: object) -> int:
        if name == "done":
            return self["saved"]
        raise InvalidRequestError(
            f"A request of a batch has no state {name!r}.",
            next_step=f"The states are {', '.join(self)}.",
        )


@public
@dataclass(frozen=True)
class Outcome:
    """The request at one index of a batch, and its latest status.

    Attributes:
        index: Position in the batch, from 0, row by row.
        row: Label of the row, the beginning of its prompt.
        column: Label of the column; empty if there is one column.
        request: What was requested.
        last_update: The latest update of its job.
        attempts: Number of job records, including retries.
        reused: Whether the result of an earlier, identical request is used.
    """

    index: int
    row: str
    column: str
    request: Request
    last_update: JobUpdate
    attempts: int = 1
    reused: bool = False

    @property
    def status(self) -> JobPhase:
        """`pending`, `submitting`, a state of the service's task, `saved`, `failed`, ...."""
        return self.last_update.phase

    @property
    def result(self) -> Result | None:
        """The saved result; None if there is none (yet)."""
        result = self.last_update.result
        return result if isinstance(result, Result) else None

    @property
    def reason(self) -> str:
        """Why there is no complete result, in one line; empty without an error."""
        update = self.last_update
        return str(update.error or (update.record.reason if update.record.is_partial else ""))

    @property
    def task_id(self) -> str:
        """The service's task id; empty without one."""
        return self.last_update.record.task_id

    @property
    def label(self) -> str:
        """Row and column in one line."""
        return f"{self.row} · {self.column}" if self.column else self.row

    def __repr__(self) -> str:
        state = repr(self.result) if self.result else f"{self.status} {self.reason}".strip()
        return printable(f"<{self.index}: {self.label} · {state}>")


@public
@dataclass(frozen=True, repr=False)
class Progress:
    """A snapshot of a batch.

    Attributes:
        id: Id of the batch.
        name: Its title; empty without one.
        total: Number of requests.
        counts: Number of requests by status: every key of `STATUS_LABELS`.
        failures: Outcomes that ended without a result.
        incomplete: Outcomes of which something can still be fetched: partly saved, not fetched.
        elapsed_s: Seconds for which the batch has been running in this process.
        rate_per_min: Results per minute; None if unknown.
        eta_s: Estimated remaining seconds; None if unknown.
        retryable: Number of outcomes that can be retried.
        reused: Number of results of earlier, identical requests.
        extra_attempts: Number of retries.
        paused: Whether no more requests are submitted.
        active: Whether a task is in flight or about to be submitted.
        profile: The service profile.
    """

    id: str
    name: str
    total: int
    counts: dict[str, int]
    failures: tuple[Outcome, ...]
    incomplete: tuple[Outcome, ...]
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
        """Whether every request has its complete result."""
        return self.counts.get("saved", 0) == self.total

    @property
    def text(self) -> str:
        """One line, such as `60 tasks: 51 saved, 6 failed, 3 rejected`."""
        return describe_counts(self.total, self.counts)

    def __repr__(self) -> str:
        state = ("paused" if self.paused else "active") if self.active else "idle"
        return f"<Progress {self.id} · {self.text} · {state}, {self.elapsed_s:.0f} s>"


def outcome_table(outcomes: Iterable[Outcome]) -> Table:
    """Return a table with one row for each request."""
    return Table(_HEADINGS, [_row(outcome) for outcome in outcomes])


def _row(outcome: Outcome) -> tuple[Any, ...]:
    record, result = outcome.last_update.record, outcome.result
    metadata = result.metadata if result else None
    return (
        outcome.index,
        outcome.row,
        outcome.column,
        outcome.request.model,
        outcome.request.prompt,
        dict(outcome.request.redacted_options),
        outcome.status,
        outcome.attempts,
        outcome.reused,
        record.task_id,
        metadata.duration_s if metadata else record.duration_s,
        metadata.credits if metadata else record.credits,
        result.relative_path if result else outcome.reason,
    )


def when_idle(call: Callable[[], object]) -> Callable[[Progress], None]:
    """Return a watcher of a batch that calls a function when nothing of it is running."""

    def watch(progress: Progress) -> None:
        if not progress.active:
            call()

    return watch
