"""The service's last word about a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .media_types import kind_of

__all__ = ["TaskOutput", "TaskRecord", "TaskState"]


class TaskState(str):
    """Where a task stands, in the wire's own word; a word no one documented means still running."""

    __slots__ = ()

    @property
    def is_final(self) -> bool:
        """Whether the task has ended (`success` or `fail`)."""
        return self in ("success", "fail")


@dataclass(frozen=True)
class TaskOutput:
    """One output of a task: where it lies, and what its name says it is (to be verified).

    `text`: the output itself, where the service sends it in the answer and not as a link.
    """

    url: str
    kind: str
    text: str = ""

    @classmethod
    def from_url(cls, url: str) -> TaskOutput:
        """The media at `url`, its kind read off the ending; `image` where there is none."""
        try:
            name = urlsplit(url).path.rpartition("/")[2]
        except ValueError:
            name = ""
        return cls(url, kind_of(name) if "." in name else "image")


@dataclass(frozen=True)
class TaskRecord:
    """One answer of `recordInfo`; a newer answer is a new `TaskRecord`.

    Times are unix milliseconds, 0 where the service gave none. `param` is the request as the
    service echoes it; `raw` the answer as it came, for the ledger. Source: the seed documents'
    field table.
    """

    task_id: str
    state: TaskState
    model: str = ""
    outputs: tuple[TaskOutput, ...] = ()
    param: Mapping[str, Any] = field(default_factory=dict)
    fail_code: str = ""
    fail_msg: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    completed_ms: int = 0
    credits: float | None = None
    raw: str = ""

    @property
    def duration_s(self) -> float | None:
        """How long the task took at the service, or None before it ended."""
        if self.completed_ms <= 0 or self.created_ms <= 0:
            return None
        return max(0.0, (self.completed_ms - self.created_ms) / 1000)

    @property
    def started_after_s(self) -> float | None:
        """Seconds after its creation that the work on it began, or None where it cannot be told.

        That `updateTime` is when the state changed is inferred: in the seed documents' sample of
        a task in work it lies between creation and the question.
        """
        if self.state != "generating" or self.updated_ms <= 0 or self.created_ms <= 0:
            return None
        return max(0.0, (self.updated_ms - self.created_ms) / 1000)
