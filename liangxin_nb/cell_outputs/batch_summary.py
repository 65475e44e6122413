"""A batch as its durable output shows it, built by the kernel or from the ledger alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.formatting import format_count, printable
from ..core.job_record import JobRecord, JobUpdate
from ..core.recorded_update import update_from_record
from ..core.state_style import StateStyle
from ..errors import LiangxinError

__all__ = [
    "COUNT_STYLES",
    "FAILED",
    "RETRYABLE",
    "STATUS_LABELS",
    "BatchSummary",
    "batch_style",
    "describe_counts",
    "newest_by_index",
    "summarize_batch",
]

#: Statuses of a job that can be retried: no task exists that could still succeed or be billed.
#: Never a job without an answer.
RETRYABLE = ("failed", "rejected")
#: Statuses of a job that ended without a result.
FAILED = (*RETRYABLE, "result_lost", "unconfirmed")
#: What is counted, in the order in which it is shown, and its text.
STATUS_LABELS = {
    "saved": "saved",
    "partly_saved": "partly saved",
    "not_fetched": "succeeded, not fetched",
    "running": "running",
    "pending": "not sent yet",
    "failed": "failed",
    "rejected": "rejected",
    "result_lost": "result lost",
    "unconfirmed": "unconfirmed (may be billed)",
    "detached": "detached (still running)",
}
_SIGNS = {
    "saved": ("●", "good"),
    "partly_saved": ("◑", "warn"),
    "not_fetched": ("◇", "warn"),
    "running": ("◐", "run"),
    "pending": ("○", ""),
    **dict.fromkeys(("failed", "rejected", "result_lost"), ("✕", "bad")),
    "unconfirmed": ("?", "warn"),
    "detached": ("◇", "warn"),
}
#: Sign, label and tone of each count, by status.
COUNT_STYLES = {
    status: StateStyle(sign, STATUS_LABELS[status], tone) for status, (sign, tone) in _SIGNS.items()
}
_WITH_FAILURES = StateStyle("✕", "Done, with failures", "bad")
#: The style of an inactive batch: the first of these with a count.
_INACTIVE_STYLES = {
    "running": StateStyle("◇", "Some still running", "warn"),
    "detached": StateStyle("◇", "Detached", "warn"),
    "not_fetched": StateStyle("◇", "Some not fetched", "warn"),
    "pending": StateStyle("‖", "Paused", "warn"),
    **dict.fromkeys(("failed", "rejected", "result_lost"), _WITH_FAILURES),
    "unconfirmed": StateStyle("?", "Done, some unconfirmed", "warn"),
    "partly_saved": StateStyle("◑", "Done, some partly saved", "warn"),
}


@dataclass(frozen=True)
class BatchSummary:
    """A batch and what became of each of its requests.

    Attributes:
        id: The id of the batch.
        name: Its title; empty without one.
        rows: The labels of the rows.
        columns: The labels of the columns; one empty label if there is one column.
        updates: The latest update of each request, row by row.
        reused: The indices for which the result of an earlier, identical request is used.
    """

    id: str
    name: str
    rows: Sequence[str]
    columns: Sequence[str]
    updates: Sequence[JobUpdate] = field(repr=False)
    reused: Collection[int] = ()

    @property
    def status(self) -> str:
        """`running` while results are to come; `incomplete` if more may be had later; `ended`."""
        states = set(self.states)
        if states & {"running", "pending", "detached", "not_fetched"}:
            return "running"
        return "ended" if states <= {"saved", *RETRYABLE} else "incomplete"

    @property
    def counts(self) -> dict[str, int]:
        """How many requests are in each state, with every key of `STATUS_LABELS`."""
        counter = Counter(self.states)
        return {status: counter[status] for status in STATUS_LABELS}

    @property
    def states(self) -> tuple[str, ...]:
        """The state of each request: a key of `STATUS_LABELS`."""
        states = (update.display_state for update in self.updates)
        return tuple(state if state in STATUS_LABELS else "running" for state in states)

    @property
    def incomplete(self) -> list[int]:
        """The indices of ended requests without a complete result."""
        return [n for n, update in enumerate(self.updates) if _lacks_result(update)]

    @property
    def task_ids(self) -> list[str]:
        """The service's ids of the tasks that are known."""
        return [update.record.task_id for update in self.updates if update.record.task_id]

    def label(self, index: int) -> str:
        """Return row and column of a request in one line."""
        row, column = divmod(index, len(self.columns))
        return " · ".join(filter(None, (self.rows[row], self.columns[column])))

    def lines(self, max_reasons: int = 10) -> Iterator[str]:
        """Yield the counts, then one line for each request without a complete result."""
        name = f" {self.name!r}" if self.name else ""
        reused = f", {len(self.reused)} of them reused" if self.reused else ""
        counts = describe_counts(len(self.updates), self.counts)
        yield printable(f"<Batch {self.id}{name} · {counts}{reused}>")
        for index in self.incomplete[:max_reasons]:
            update = self.updates[index]
            word = STATUS_LABELS.get(update.display_state, update.display_state)
            reason = str(update.error or update.record.reason)
            yield printable(f"{self.label(index)}: {word}. {reason}".strip())
        if (more := len(self.incomplete) - max_reasons) > 0:
            yield f"and {more} more"


def batch_style(counts: Mapping[str, int]) -> StateStyle:
    """Return sign, word and tone of a batch that is not active."""
    styles = (style for status, style in _INACTIVE_STYLES.items() if counts.get(status))
    return next(styles, StateStyle("●", "Done", "good"))


def describe_counts(total: int, counts: Mapping[str, int]) -> str:
    """Return one line, such as `60 tasks: 51 saved, 6 failed, 3 rejected`."""
    parts = [f"{counts[s]} {label}" for s, label in STATUS_LABELS.items() if counts.get(s)]
    return f"{format_count(total, 'task')}: {', '.join(parts) or 'nothing'}"


def newest_by_index(
    batch_id: str, plan: Mapping[str, Any], records: Iterable[JobRecord]
) -> dict[int, JobRecord]:
    """Return the newest record of each request of a batch, by index.

    Args:
        batch_id: The id of the batch.
        plan: Its plan, as the ledger contains it.
        records: All records of the batch, oldest first, and the earlier ones that it reuses.
    """
    indices: dict[str, list[int]] = {}
    for index, job_id in plan.get("reused", {}).items():
        indices.setdefault(job_id, []).append(int(index))
    newest: dict[int, JobRecord] = {}
    for record in sorted(records, key=lambda record: record.batch_id == batch_id):
        if record.batch_id == batch_id:
            newest[record.batch_index] = record
        newest |= dict.fromkeys(indices.get(record.id, ()), record)
    return dict(sorted(newest.items()))


def summarize_batch(
    batch_id: str,
    name: str,
    plan: Mapping[str, Any],
    records: Iterable[JobRecord],
    load: Callable[[JobRecord], Any],
) -> BatchSummary:
    """Return a batch as the ledger describes it.

    Args:
        batch_id: The id of the batch.
        name: Its title.
        plan: Its plan, as the ledger contains it.
        records: All records of the batch, oldest first, and the earlier ones that it reuses (the
            values of `plan["reused"]` are their ids).
        load: Returns the saved result of a record, or raises `LiangxinError`.

    Raises:
        LiangxinError: If the plan is damaged, or a record is missing.
    """
    try:
        rows, columns = list(map(str, plan["rows"])), list(map(str, plan["columns"]))
        newest = newest_by_index(batch_id, plan, records)
        reused = frozenset(map(int, plan.get("reused", {})))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise LiangxinError(f"The plan of batch {batch_id} cannot be read.") from None
    total = len(rows) * len(columns)
    if not 0 < total == len(newest) or list(newest) != list(range(total)):
        raise LiangxinError(f"The ledger does not contain all requests of batch {batch_id}.")
    updates = tuple(update_from_record(load, record) for record in newest.values())
    return BatchSummary(batch_id, name, rows, columns, updates, reused)


def _lacks_result(update: JobUpdate) -> bool:
    state = update.display_state
    return state in (*FAILED, "partly_saved", "not_fetched")
