"""One request and what became of it, as the ledger keeps it and as screens show it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..errors import LiangxinError
from .derivation import Derivation
from .formatting import format_time
from .public import public
from .request import Request

__all__ = [
    "LATE_NOTE",
    "RESUMABLE",
    "RETENTION_S",
    "TERMINAL",
    "JobPhase",
    "JobRecord",
    "JobStatus",
    "JobUpdate",
    "unconfirmed_notice",
    "unsent_notice",
]


@public
class JobStatus(StrEnum):
    """What became of a request, as the ledger records it.

    A job goes from `pending` over `submitting`, `submitted` and `succeeded` to `saved`, or ends as
    `rejected`, `unconfirmed`, `failed` or `result_lost`; a saved one may be `deleted`.
    """

    PENDING = "pending"  #: Written to the ledger; nothing has been sent.
    SUBMITTING = "submitting"  #: createTask is being sent.
    SUBMITTED = "submitted"  #: The service has answered with a task id.
    SUCCEEDED = "succeeded"  #: The task has succeeded; its files are not saved yet.
    SAVED = "saved"  #: The files are on disk.
    REJECTED = "rejected"  #: Rejected, or provably not received; nothing is billed.
    UNCONFIRMED = "unconfirmed"  #: The answer was lost: a task may exist and may be billed.
    FAILED = "failed"  #: The task ran and failed.
    RESULT_LOST = "result_lost"  #: The service no longer has the task or its files.
    DELETED = "deleted"  #: Saved, then deleted by the user.


@public
class JobPhase(StrEnum):
    """Where a job stands now: each `JobStatus`, the states of its task, and what happens here.

    `waiting`, `queuing` and `generating` are the service's own states of a running task. A state
    that no document names is a phase under its own name, and counts as running.
    """

    PENDING = "pending"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    WAITING = "waiting"
    QUEUING = "queuing"
    GENERATING = "generating"
    SUCCEEDED = "succeeded"
    SAVING = "saving"  #: The files are being downloaded.
    SAVED = "saved"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"
    FAILED = "failed"
    RESULT_LOST = "result_lost"
    DELETED = "deleted"
    DETACHED = "detached"  #: No longer watched here; the task continues and may be billed.

    @classmethod
    def _missing_(cls, value: object) -> JobPhase | None:
        """Return a phase for a state that is not documented."""
        if not isinstance(value, str) or not value:
            return None
        phase = str.__new__(cls, value)
        phase._name_ = phase._value_ = value
        return phase


#: Seconds for which the services keep results. Source: KIE's front page says two weeks.
RETENTION_S: float = 14 * 86_400.0
#: How the note of an update begins while the outputs of a task are not there yet.
LATE_NOTE: str = "The result is not there yet"
#: Statuses of jobs whose result can still be collected.
RESUMABLE = (JobStatus.SUBMITTED, JobStatus.SUCCEEDED)
#: Phases after which a job changes no more in this process.
TERMINAL = (
    JobPhase.SAVED,
    JobPhase.FAILED,
    JobPhase.REJECTED,
    JobPhase.DETACHED,
    JobPhase.UNCONFIRMED,
    JobPhase.RESULT_LOST,
)


@public
@dataclass(frozen=True)
class JobRecord:
    """One request and what became of it, as the ledger keeps it.

    Attributes:
        id: The record's own id: 12 hexadecimal digits.
        request: Model, prompt and options.
        created_at: When the record was written, in Unix seconds.
        profile: The service profile: `sandbox`, `liangxin` or `kie`.
        service: The base address of the API, without the key.
        status: What became of the request.
        state: The last state of the task, in the service's own spelling.
        task_id: The service's id of the task; empty until it has answered.
        reason: Why there is no result, in one line.
        folder: Where the result is saved, below the results folder.
        duration_s: Seconds from the task's creation to its end.
        started_after_s: Seconds from the task's creation to the start of the work on it.
        credits: What the service reported as the cost.
        owner: The session that follows the task.
        batch_id: The batch that the job belongs to, if any.
        batch_index: The job's position in its batch, from 0.
        origin: Empty for a job of this ledger; ``imported`` from an archive, or ``trusted`` if the
            archive was imported as the user's own. Only the first counts for limits and
            estimates; an imported one is not reused.
        parent_ids: The jobs that it was made from: by varying one of them, or by using their
            pictures as references. The task id of a parent that is in another ledger only.
        change: How it differs from its parents, in one line.
        seed_drawn: Whether its seed was drawn, since none was given.
    """

    id: str
    request: Request
    created_at: float
    profile: str
    service: str = ""
    status: JobStatus = JobStatus.PENDING
    state: str = ""
    task_id: str = ""
    reason: str = ""
    folder: str = ""
    duration_s: float | None = None
    started_after_s: float | None = None
    credits: float | None = None
    owner: str = ""
    batch_id: str = ""
    batch_index: int = 0
    origin: str = ""
    parent_ids: tuple[str, ...] = ()
    change: str = ""
    seed_drawn: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", JobStatus(self.status))

    @classmethod
    def new(cls, request: Request, profile: str, service: str, owner: str = "") -> JobRecord:
        """Create a pending record with a new id and the present time."""
        return cls(
            uuid.uuid4().hex[:12], request, time.time(), profile, service, owner=owner,
            seed_drawn=bool(request.drawn_seed),
        )  # fmt: skip

    def replace(self, **changes: Any) -> JobRecord:
        """Return a copy with other values."""
        return replace(self, **changes)

    @property
    def derivation(self) -> Derivation:
        """What it was made from."""
        return Derivation(self.parent_ids, self.change)

    @property
    def is_resumable(self) -> bool:
        """Whether its result can still be collected."""
        return self.status in RESUMABLE and bool(self.task_id)

    @property
    def is_partial(self) -> bool:
        """Whether some of its outputs are saved and others are missing; `reason` names them."""
        return self.status == JobStatus.SAVED and bool(self.reason)

    @property
    def is_collectable(self) -> bool:
        """Whether the service may still have its result, or a part of it."""
        lost = self.status == JobStatus.RESULT_LOST or self.is_partial
        return bool(self.task_id) and (lost or self.is_resumable)

    @property
    def display_state(self) -> str:
        """The status, or `partly_saved` or `not_fetched`, which screens show separately."""
        if self.is_partial:
            return "partly_saved"
        return "not_fetched" if self.status == JobStatus.SUCCEEDED else self.status

    @property
    def reuse_notice(self) -> str:
        """A line that says that the saved result is used in place of a new task."""
        return (
            f"Reused from {format_time(self.created_at)} ({self.task_id}): "
            "identical work was saved; nothing was sent."
        )


@public
@dataclass(frozen=True)
class JobUpdate:
    """A snapshot of a job, passed to those who watch it.

    Attributes:
        record: The job's record.
        phase: Where the job stands.
        note: A temporary remark, such as a connection error that is being retried.
        error: Why the job ended without a result.
        result: The result, once it is saved.
        ended_at: When the job ended, in Unix seconds; None while it runs.
    """

    record: JobRecord
    phase: JobPhase = JobPhase.SUBMITTING
    note: str = ""
    error: LiangxinError | None = None
    result: Any = field(default=None, repr=False)
    ended_at: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "phase", JobPhase(self.phase))

    @classmethod
    def first(cls, record: JobRecord) -> JobUpdate:
        """Return the update of a job whose work begins; a task that exists is not being sent."""
        return cls(record, JobPhase.WAITING if record.task_id else JobPhase.SUBMITTING)

    @property
    def display_state(self) -> str:
        """The phase, or one of `partly_saved`, `not_fetched` and `late`, for the screen."""
        if self.phase == JobPhase.SAVING and self.note.startswith(LATE_NOTE):
            return "late"
        if self.phase in (JobPhase.SAVED, JobPhase.DETACHED):
            state = self.record.display_state
            return state if state in ("partly_saved", "not_fetched") else self.phase
        return self.phase

    @property
    def is_final(self) -> bool:
        """Whether the job has ended; one that was detached while it was sent may get its id."""
        return self.phase in TERMINAL


def unconfirmed_notice(count: int) -> str:
    """Return a sentence about requests that may have been billed; empty if there are none."""
    if not count:
        return ""
    return f"{count} request{'s' if count > 1 else ''} may have been billed: %liangxin doctor."


def unsent_notice(batch_ids: Iterable[str]) -> str:
    """Return a sentence about batches with requests that were not sent; empty without one."""
    commands = ", ".join(f"%liangxin batch {batch_id}" for batch_id in batch_ids)
    return f"Some prompts of a batch were not sent; to send them: {commands}." if commands else ""
