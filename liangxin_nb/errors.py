"""The one tree of errors: what went wrong, for which task, and what to do next.

LiangxinError(task_id, next_step)
├── InvalidRequestError(ValueError)   refused here, before any money
├── APIError(status, code)   the service said no
│   ├── AuthenticationError
│   ├── InsufficientCreditsError
│   ├── ContentPolicyError
│   ├── RateLimitError
│   └── MaintenanceError
├── APIConnectionError(maybe_created)   no answer
├── TaskFailedError(fail_code)        it ran and ended in failure
├── WaitTimeoutError(TimeoutError)   we stopped waiting; it goes on
└── ResultUnavailableError                   it succeeded; the file can no longer be had
"""

from __future__ import annotations

import sys

__all__ = [
    "APIConnectionError",
    "APIError",
    "AuthenticationError",
    "ContentPolicyError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "LiangxinError",
    "MaintenanceError",
    "RateLimitError",
    "ResultUnavailableError",
    "TaskFailedError",
    "WaitTimeoutError",
    "one_line",
]


class LiangxinError(Exception):
    """Anything this toolkit raises: one readable line that ends with the next step.

    Attributes: `message` (what happened), `task_id` (the service's id, where there is one),
    `next_step` (what to do about it), `retryable` (asking the same again can help).
    """

    retryable = False

    def __init__(self, message: str, *, task_id: str | None = None, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.task_id = task_id
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: one line; in any %xmode but the usual one, the whole traceback."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is None or shell.InteractiveTB.mode == "Context":
            return [f"{type(self).__name__}: {self}"]
        whole: list[str] = shell.InteractiveTB.structured_traceback(
            type(self), self, self.__traceback__, tb_offset=1
        )
        return whole


class InvalidRequestError(LiangxinError, ValueError):
    """The request was refused on this machine: nothing was sent, nothing was billed."""


class APIError(LiangxinError):
    """The service answered, and its answer was no.

    Attributes: `status` (HTTP), `code` (the body's own code, as text), `retry_after` (seconds the
    service asked us to wait, or None).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        retry_after: float | None = None,
        task_id: str | None = None,
        next_step: str = "",
    ) -> None:
        super().__init__(message, task_id=task_id, next_step=next_step)
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def number(self) -> int:
        """The number that decides: the body's code where it is one, else the HTTP status."""
        return int(self.code) if self.code.isdigit() else self.status

    @property
    def absent(self) -> bool:
        """Whether the service does not know the task (LiangXin: 404; KIE: 422, its own words)."""
        return self.number == 404 or "recordinfo is null" in self.message.lower()

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """Whether the same question may be answered later."""
        return self.number in (408, 425, 429, 455) or 500 <= self.number < 600


class AuthenticationError(APIError):
    """The key is missing or wrong, or it may not do this."""


class InsufficientCreditsError(APIError):
    """The account's credit or quota is used up."""


class ContentPolicyError(APIError):
    """The service refused the content of the request."""


class RateLimitError(APIError):
    """Too many requests, here or upstream."""


class MaintenanceError(APIError):
    """The service is closed for maintenance."""


class APIConnectionError(LiangxinError):
    """No answer came.

    Attribute: `maybe_created`: True when the request may have arrived all the same, so that a
    task may exist and may be billed.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        maybe_created: bool = False,
        task_id: str | None = None,
        next_step: str = "",
    ) -> None:
        super().__init__(message, task_id=task_id, next_step=next_step)
        self.maybe_created = maybe_created


class TaskFailedError(LiangxinError):
    """The task ran and ended in failure. Attribute: `fail_code`, in the service's own words."""

    def __init__(
        self, message: str, *, fail_code: str = "", task_id: str | None = None, next_step: str = ""
    ) -> None:
        super().__init__(message, task_id=task_id, next_step=next_step)
        self.fail_code = fail_code


class WaitTimeoutError(LiangxinError, TimeoutError):
    """Waiting stopped here; the task goes on at the service and may be billed."""


class ResultUnavailableError(LiangxinError):
    """The task succeeded, but its file can no longer be had."""


def one_line(error: BaseException, words: str) -> None:
    """Lets a notebook show an error that is not ours, such as an interrupt, as these words."""
    error._render_traceback_ = lambda: [words]  # type: ignore[attr-defined]
