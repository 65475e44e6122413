"""A prompt's job record: the intent, and what became of it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..errors import LiangxinError
from .request import Request

__all__ = ["RESUMABLE", "TERMINAL", "JobRecord", "JobUpdate"]

#: Fates in which the service owes us something that can still be collected.
RESUMABLE = ("submitted", "succeeded")
#: Phases after which nothing more will be told.
TERMINAL = ("saved", "failed", "rejected", "detached", "unconfirmed", "result_lost")


@dataclass(frozen=True)
class JobRecord:
    """One intent and its status, as the ledger keeps it.

    `status`: intent → sent → accepted → succeeded → kept, or refused, unknown, failed, lost; what
    was kept may be deleted.
    `state`: the service's last word, in the wire's spelling. `created_at`: unix seconds. `service`:
    the API's base address, without the key; `profile` names what speaks there. `owner`: the session
    that looks after it. `batch_id`, `batch_index`: the batch it belongs to, and where in it, from
    0. `started_after_s`: seconds from its creation to the work on it, `duration_s`: to its end.
    """

    id: str
    request: Request
    created_at: float
    profile: str
    service: str = ""
    status: str = "pending"
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

    @classmethod
    def new(cls, request: Request, profile: str, service: str, owner: str = "") -> JobRecord:
        """A new job record with an id of its own, made now."""
        return cls(uuid.uuid4().hex[:12], request, time.time(), profile, service, owner=owner)

    def replace(self, **changes: Any) -> JobRecord:
        """The same job record with other values."""
        return replace(self, **changes)

    @property
    def is_resumable(self) -> bool:
        """Whether it can still be collected."""
        return self.status in RESUMABLE and bool(self.task_id)

    @property
    def reuse_notice(self) -> str:
        """One line that says that its kept result stands in for a new task."""
        when = datetime.fromtimestamp(self.created_at).astimezone()
        return (
            f"Reused from {when:%Y-%m-%d %H:%M} ({self.task_id}): the same work was kept; "
            "nothing was sent."
        )


@dataclass(frozen=True)
class JobUpdate:
    """What is told to whoever watches a job record: a snapshot, replaced and never changed.

    `phase`: unsent (in a batch), sending, a wire state, saving, or one of `TERMINAL`. `note`: a
    passing remark such as trouble with the connection. `ended_at`: unix seconds, or None while it
    lives.
    """

    record: JobRecord
    phase: str = "submitting"
    note: str = ""
    error: LiangxinError | None = None
    result: Any = field(default=None, repr=False)
    ended_at: float | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be told."""
        return self.phase in TERMINAL
