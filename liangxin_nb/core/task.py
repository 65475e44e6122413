"""A task at the service, as its recordInfo answers describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .media_types import kind_of

__all__ = ["TaskOutput", "TaskRecord", "TaskState"]


_SUCCESS = frozenset(
    ("success", "succeeded", "succeed", "successful", "complete", "completed", "finished", "done")
)
_FAIL = frozenset(
    ("fail", "failed", "failure", "error", "cancelled", "canceled", "expired")
)  # fmt: skip
#: The documented states, and usual names of them, of a task that is running.
_RUNNING = {
    "waiting": "waiting", "pending": "waiting", "submitted": "waiting", "created": "waiting",
    "queuing": "queuing", "queueing": "queuing", "queued": "queuing", "in_queue": "queuing",
    "generating": "generating", "running": "generating", "processing": "generating",
    "in_progress": "generating",
}  # fmt: skip
_MAX_DURATION_S = 86_400.0  # a longer one is an error of the service's clock
_SECONDS = range(10**8, 10**11)  # Unix times of these years in seconds, not in milliseconds


class TaskState(str):
    """The service's state of a task. An undocumented state means that it is still running."""

    __slots__ = ()

    @classmethod
    def parse(cls, word: str) -> TaskState:
        """Return the documented state for a word of the service.

        Args:
            word: The state in any case, or a usual synonym.

        Returns:
            The state; a word without a known meaning is returned unchanged.
        """
        name = "_".join(word.lower().replace("-", " ").split())
        if name in _SUCCESS:
            return cls("success")
        if name in _FAIL:
            return cls("fail")
        return cls(_RUNNING.get(name, word))

    @property
    def is_documented(self) -> bool:
        """Whether the documentation names the state."""
        return self.is_final or self in ("waiting", "queuing", "generating")

    @property
    def is_final(self) -> bool:
        """Whether the task has ended (`success` or `fail`)."""
        return self in ("success", "fail")


@dataclass(frozen=True)
class TaskOutput:
    """One output of a task.

    Attributes:
        url: The link to the file, or a data URL that contains it; empty for a text.
        kind: image, video, audio, text or file, as the link's suffix says; not verified.
        text: The output itself, if the answer contains it instead of a link.
        is_secondary: Whether it only accompanies other outputs, such as a video's first frame.
    """

    url: str
    kind: str
    text: str = ""
    is_secondary: bool = False

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
        state_word: The service's own word for the state, if it is not the documented one.

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
    state_word: str = ""

    @property
    def duration_s(self) -> float | None:
        """Seconds from the task's creation to its end; None before the end, or if impossible."""
        return _compute_duration(self.created_ms, self.completed_ms)

    @property
    def started_after_s(self) -> float | None:
        """Seconds from the task's creation until it was generating, or None if unknown.

        That `updateTime` is the time of the state's change is inferred from the example of a
        generating task in the LiangXin Market docs, recordInfo.
        """
        if self.state != "generating":
            return None
        return _compute_duration(self.created_ms, self.updated_ms)


def _compute_duration(start: int, end: int) -> float | None:
    """Return the seconds between two times of the service, or None if they do not fit."""
    if start <= 0 or end <= 0 or (start in _SECONDS) != (end in _SECONDS):
        return None
    seconds = (end - start) / (1 if start in _SECONDS else 1000)
    return seconds if 0.0 <= seconds <= _MAX_DURATION_S else None
