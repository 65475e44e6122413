"""Decide what an answer of the service means for money and for the wait; pure functions.

Each table is a tuple of rules; the first rule that applies decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import APIError, LiangxinError
from .task import TaskRecord

__all__ = [
    "CREATE_RULES",
    "RECORD_RULES",
    "REJECTING_CODES",
    "CreateAnswer",
    "CreateDecision",
    "CreateOutcome",
    "CreateRule",
    "PollHistory",
    "RecordDecision",
    "RecordOutcome",
    "RecordRule",
    "decide_create",
    "decide_record",
]

#: Statuses and body codes with which a service provably creates no task. 433: KIE's limit of a key.
REJECTING_CODES = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 433, 455})
#: A body code that means that the feature is disabled (KIE Market docs).
_DISABLED = 505
_MAX_ABSENCES = 3  # answers in a row after which the service is believed not to know the task
_ABSENCE_INTERVAL_S = 30.0  # seconds between two answers that count
_NEW_TASK_S = 120.0  # seconds after its creation for which a task may be unknown
_MAX_KEY_REJECTIONS = 3


class CreateOutcome(StrEnum):
    """What became of a createTask request."""

    SUBMITTED = "submitted"  #: A task exists, and its id is known.
    REJECTED = "rejected"  #: No task was created, nothing is billed.
    UNCONFIRMED = "unconfirmed"  #: A task may exist and may be billed.


@dataclass(frozen=True)
class CreateAnswer:
    """What came back from a createTask request.

    Attributes:
        status: The HTTP status; None without a complete answer.
        code: The code in the body, if it is a number.
        task_id: The task id that the answer names, or an empty text.
        was_sent: Whether a byte of the request may have reached the service.
    """

    status: int | None
    code: int | None = None
    task_id: str = ""
    was_sent: bool = True

    @property
    def is_http_success(self) -> bool:
        """Whether the HTTP status is 200 to 299."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_code_a_rejection(self) -> bool:
        """Whether the body's code says that no task was created."""
        return self.code in REJECTING_CODES or self.code == _DISABLED


@dataclass(frozen=True)
class CreateDecision:
    """The meaning of an answer to createTask.

    Attributes:
        outcome: What became of the request.
        may_resend: Whether the same request may be sent again, since it created nothing.
        rule: The name of the rule that decided.
    """

    outcome: CreateOutcome
    may_resend: bool
    rule: str

    @property
    def is_unusual(self) -> bool:
        """Whether the task was named by an answer that reports no success."""
        return self.rule == "another answer with a task id"


@dataclass(frozen=True)
class CreateRule:
    """One row of the table for createTask."""

    name: str
    applies: Callable[[CreateAnswer], bool]
    outcome: CreateOutcome
    may_resend: bool = False


#: The table for createTask. A task id decides before everything else; after that, what may have
#: created a task comes before what may be sent again.
CREATE_RULES = (
    CreateRule(
        "success with a task id",
        lambda a: bool(a.task_id) and a.is_http_success and a.code in (None, 0, 200),
        CreateOutcome.SUBMITTED,
    ),
    CreateRule(
        "another answer with a task id", lambda a: bool(a.task_id), CreateOutcome.SUBMITTED
    ),
    CreateRule("not sent", lambda a: not a.was_sent, CreateOutcome.REJECTED, may_resend=True),
    CreateRule("no complete answer", lambda a: a.status is None, CreateOutcome.UNCONFIRMED),
    CreateRule("HTTP 500 or above", lambda a: (a.status or 0) >= 500, CreateOutcome.UNCONFIRMED),
    CreateRule(
        "body code 500 or above",
        lambda a: (a.code or 0) >= 500 and not a.is_code_a_rejection,
        CreateOutcome.UNCONFIRMED,
    ),
    CreateRule(
        "HTTP 429", lambda a: a.status == 429 and not a.is_code_a_rejection,
        CreateOutcome.REJECTED, may_resend=True,
    ),
    CreateRule(
        "HTTP status of a rejection",
        lambda a: a.status in REJECTING_CODES or a.status == 429,
        CreateOutcome.REJECTED,
    ),
    CreateRule(
        "body code 429", lambda a: a.is_http_success and a.code == 429,
        CreateOutcome.REJECTED, may_resend=True,
    ),
    CreateRule(
        "body code of a rejection", lambda a: a.is_http_success and a.is_code_a_rejection,
        CreateOutcome.REJECTED,
    ),
    CreateRule("anything else", lambda _: True, CreateOutcome.UNCONFIRMED),
)  # fmt: skip


def decide_create(answer: CreateAnswer) -> CreateDecision:
    """Decide what became of a createTask request.

    Args:
        answer: What came back.

    Returns:
        The decision of the first rule in `CREATE_RULES` that applies.
    """
    rule = next(rule for rule in CREATE_RULES if rule.applies(answer))
    return CreateDecision(rule.outcome, rule.may_resend, rule.name)


class RecordOutcome(StrEnum):
    """What an answer to recordInfo means for the wait."""

    FINAL = "final"  #: The task has ended.
    RUNNING = "running"  #: The task is still running.
    TROUBLE = "trouble"  #: The answer says nothing about the task: poll again.
    ABSENT = "absent"  #: The service seems not to know the task: poll again.
    UNAVAILABLE = "unavailable"  #: The service does not know the task: the wait ends.
    KEY_REJECTED = "key_rejected"  #: The service does not accept the key: the wait ends.


@dataclass(frozen=True)
class PollHistory:
    """What earlier answers about a task mean for the next one.

    Attributes:
        absences: Answers in a row, far enough apart, that do not know the task.
        absent_at: The time of the last one that counts.
        key_rejections: Answers in a row that reject the key.
    """

    absences: int = 0
    absent_at: float = 0.0
    key_rejections: int = 0


@dataclass(frozen=True)
class RecordDecision:
    """The meaning of an answer to recordInfo.

    Attributes:
        outcome: The meaning.
        history: For the decision about the next answer.
        rule: The name of the rule that decided.
    """

    outcome: RecordOutcome
    history: PollHistory
    rule: str

    @property
    def ends_wait(self) -> bool:
        """Whether no further poll follows."""
        return self.outcome in (
            RecordOutcome.FINAL, RecordOutcome.UNAVAILABLE, RecordOutcome.KEY_REJECTED,
        )  # fmt: skip


@dataclass(frozen=True)
class RecordRule:
    """One row of the table for recordInfo."""

    name: str
    applies: Callable[[TaskRecord | LiangxinError, PollHistory], bool]
    outcome: RecordOutcome


#: The table for recordInfo. The history includes the answer itself.
RECORD_RULES = (
    RecordRule(
        "final state",
        lambda a, _: isinstance(a, TaskRecord) and a.state.is_final,
        RecordOutcome.FINAL,
    ),
    RecordRule("other state", lambda a, _: isinstance(a, TaskRecord), RecordOutcome.RUNNING),
    RecordRule(
        "unknown three times in a row",
        lambda a, history: _is_absence(a) and history.absences >= _MAX_ABSENCES,
        RecordOutcome.UNAVAILABLE,
    ),
    RecordRule("unknown", lambda a, _: _is_absence(a), RecordOutcome.ABSENT),
    RecordRule(
        "key rejected three times in a row",
        lambda _, history: history.key_rejections >= _MAX_KEY_REJECTIONS,
        RecordOutcome.KEY_REJECTED,
    ),
    RecordRule("anything else", lambda *_: True, RecordOutcome.TROUBLE),
)


def decide_record(
    answer: TaskRecord | LiangxinError, history: PollHistory, now: float, age: float
) -> RecordDecision:
    """Decide what an answer to recordInfo means for the wait.

    Args:
        answer: The task record, or the error of the poll request.
        history: The history of the last decision.
        now: The time of the poll in monotonic seconds.
        age: Seconds since the task was created.

    Returns:
        The decision of the first rule in `RECORD_RULES` that applies.
    """
    history = _update_history(answer, history, now, age)
    rule = next(rule for rule in RECORD_RULES if rule.applies(answer, history))
    return RecordDecision(rule.outcome, history, rule.name)


def _update_history(
    answer: TaskRecord | LiangxinError, history: PollHistory, now: float, age: float
) -> PollHistory:
    """Count the answer; every other kind of answer interrupts a row."""
    if _is_absence(answer):
        is_early = history.absences > 0 and now - history.absent_at < _ABSENCE_INTERVAL_S
        if is_early or age < _NEW_TASK_S:
            return PollHistory(history.absences, history.absent_at)
        return PollHistory(history.absences + 1, now)
    if isinstance(answer, APIError) and answer.number == 401:
        return PollHistory(key_rejections=history.key_rejections + 1)
    return PollHistory()


def _is_absence(answer: TaskRecord | LiangxinError) -> bool:
    """Return whether the API itself, and no page of a proxy, does not know the task."""
    return isinstance(answer, APIError) and answer.is_task_unknown
