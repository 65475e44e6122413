"""A task at the service, as its recordInfo answers describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .media_types import kind_of

__all__ = ["TaskOutput", "TaskRecord", "TaskState"]


class TaskState(str):
    """The service's state of a task. An undocumented state means that it is still running."""

    __slots__ = ()

    @property
    def is_final(self) -> bool:
        """Whether the task has ended (`success` or `fail`)."""
        return self in ("success", "fail")


@dataclass(frozen=True)
class TaskOutput:
    """One output of a task.

    Attributes:
        url: The link to the file; empty for a text.
        kind: image, video, audio, text or file, as the link's suffix says; not verified.
        text: The output itself, if the answer contains it instead of a link.
    """

    url: str
    kind: str
    text: str = ""

    @classmethod
    def from_url(cls, url: str) -> TaskOutput:
        """Return the output at a URL. Without a suffix in the URL its kind is ``image``.

        Args:
            url: The link to the file.
        """
        try:
            name = urlsplit(url).path.rpartition("/")[2]
        except ValueError:
            name = ""
        return cls(url, kind_of(name) if "." in name else "image")


@dataclass(frozen=True)
class TaskRecord:
    """One answer of recordInfo.

    Attributes:
        task_id: The task.
        state: Its state.
        model: The model's name, if the service reports it.
        outputs: The outputs of a finished task.
        param: The request as the service repeats it.
        fail_code: The service's code for a failure.
        fail_msg: The service's description of a failure.
        created_ms: Unix milliseconds of the creation, 0 if unknown.
        updated_ms: Unix milliseconds of the last change, 0 if unknown.
        completed_ms: Unix milliseconds of the end, 0 if unknown.
        credits: What the task cost, or None.
        raw: The body of the answer.

    Source: LiangXin Market docs, recordInfo.
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
        """Seconds from the task's creation to its end, or None before the end."""
        if self.completed_ms <= 0 or self.created_ms <= 0:
            return None
        return max(0.0, (self.completed_ms - self.created_ms) / 1000)

    @property
    def started_after_s(self) -> float | None:
        """Seconds from the task's creation until it was generating, or None if unknown.

        That `updateTime` is the time of the state's change is inferred from the example of a
        generating task in the LiangXin Market docs, recordInfo.
        """
        if self.state != "generating" or self.updated_ms <= 0 or self.created_ms <= 0:
            return None
        return max(0.0, (self.updated_ms - self.created_ms) / 1000)
