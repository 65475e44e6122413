"""All errors that the package raises.

LiangxinError(task_id, next_step, retryable)
├── InvalidRequestError(ValueError)   invalid input; nothing was sent
├── APIError(status, code)            the service rejected the request
│   ├── AuthenticationError
│   ├── InsufficientCreditsError
│   ├── ContentPolicyError
│   ├── RateLimitError
│   └── MaintenanceError
├── APIConnectionError(maybe_created) no response from the service
├── TaskFailedError(fail_code)        the task ended in failure
├── WaitTimeoutError(TimeoutError)    the wait ended; the task may still be running
├── ResultUnavailableError            the task succeeded, but its files are not available
└── LedgerError                       the ledger cannot be used
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ._printable import printable

__all__ = [
    "APIConnectionError",
    "APIError",
    "AuthenticationError",
    "ContentPolicyError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "LedgerError",
    "LiangxinError",
    "MaintenanceError",
    "RateLimitError",
    "ResultUnavailableError",
    "TaskFailedError",
    "WaitTimeoutError",
    "hide_keys_with",
    "one_line",
]


_UNKNOWN_TASK_WORDS = ("recordinfo is null", "not found", "not exist", "no such task", "不存在")


class LiangxinError(Exception):
    """Base class of all errors of this package. Its text is one line that ends with the next step.

    Attributes:
        message: What happened.
        task_id: The service's task id, or None.
        next_step: What to do about it.
        retryable: Whether the same request may succeed later.
    """

    retryable: bool = False

    def __init__(self, message: str, *, task_id: str | None = None, next_step: str = "") -> None:
        self.message = _hide_keys(message)
        self.task_id = task_id
        self.next_step = _hide_keys(next_step)
        super().__init__(self.message)

    def __str__(self) -> str:
        return printable(f"{self.message} {self.next_step}".strip())

    def __reduce__(self) -> Any:
        # Not by a call of the class: some classes have required keyword arguments.
        # Errors of other packages may not be picklable.
        cause = self.__cause__ if isinstance(self.__cause__, LiangxinError) else None
        return _restore, (type(self), self.args, self.__dict__, cause)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: one line, or the traceback if `%xmode` is not the default."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is None or shell.InteractiveTB.mode == "Context":
            return [f"{type(self).__name__}: {self}"]
        traceback: list[str] = shell.InteractiveTB.structured_traceback(
            type(self), self, self.__traceback__, tb_offset=1
        )
        return traceback


_hide_keys: Callable[[str], str] = str


def hide_keys_with(hide: Callable[[str], str]) -> None:
    """Let a function hide keys in the texts of all errors: they quote what users have written.

    Args:
        hide: Returns a text without keys.
    """
    global _hide_keys
    _hide_keys = hide


def _restore(
    cls: type[LiangxinError], args: Any, attributes: dict[str, Any], cause: LiangxinError | None
) -> LiangxinError:
    """Rebuild a pickled error."""
    error = cls.__new__(cls, *args)
    error.args = args  # OSError, a base of TimeoutError, sets them in __init__ only
    error.__dict__.update(attributes)
    error.__cause__ = cause
    return error


class InvalidRequestError(LiangxinError, ValueError):
    """The request or a setting is invalid. Nothing was sent and nothing was billed."""


class APIError(LiangxinError):
    """The service rejected the request.

    Attributes:
        status: The HTTP status.
        code: The code in the body of the response, as text.
        retry_after: Seconds that the service asked to wait, or None.
        is_api_answer: Whether the response is the API's own, and not a page of a proxy.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        retry_after: float | None = None,
        is_api_answer: bool = True,
        task_id: str | None = None,
        next_step: str = "",
    ) -> None:
        super().__init__(message, task_id=task_id, next_step=next_step)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.is_api_answer = is_api_answer

    @property
    def number(self) -> int:
        """The body's code if it is the number of an error, else the HTTP status.

        A code below 500 does not soften an HTTP status of 500 or above; 429 asks for a pause.
        """
        code = int(self.code) if self.code.isdecimal() else 0
        is_softer = self.status >= 500 > code and code != 429
        return self.status if code in (0, 200) or is_softer else code

    @property
    def is_task_unknown(self) -> bool:
        """Whether the service does not know the task.

        Source: LiangXin Market docs (404); KIE answers 422 with "recordInfo is null".
        """
        message = self.message.lower()
        return self.is_api_answer and (
            self.number == 404 or any(words in message for words in _UNKNOWN_TASK_WORDS)
        )

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """Whether the same request may succeed later."""
        return self.number in (408, 425, 429, 455) or 500 <= self.number < 600


class AuthenticationError(APIError):
    """The key is missing, invalid or not authorized for this request."""


class InsufficientCreditsError(APIError):
    """The account's credits or quota are used up."""


class ContentPolicyError(APIError):
    """The service rejected the content of the request."""


class RateLimitError(APIError):
    """Too many requests, of this key or for the service."""


class MaintenanceError(APIError):
    """The service is closed for maintenance."""


class APIConnectionError(LiangxinError):
    """The service did not respond.

    Attributes:
        maybe_created: Whether the request may have arrived, so that a task may exist and be billed.
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
    """The task ended in failure.

    Attributes:
        fail_code: The service's code for the reason, or an empty text.
    """

    def __init__(
        self, message: str, *, fail_code: str = "", task_id: str | None = None, next_step: str = ""
    ) -> None:
        super().__init__(message, task_id=task_id, next_step=next_step)
        self.fail_code = fail_code


class WaitTimeoutError(LiangxinError, TimeoutError):
    """The wait ended; the task may still be running and may be billed."""


class ResultUnavailableError(LiangxinError):
    """The task succeeded, but its files are not available."""


class LedgerError(LiangxinError):
    """The ledger cannot be opened, read or written.

    Attributes:
        is_damaged: Whether the content of the ledger is damaged, so that it can be rebuilt.
        is_busy: Whether another process has locked the ledger.
    """

    is_damaged: bool = False
    is_busy: bool = False


def one_line(error: BaseException, message: str) -> None:
    """Make IPython show an error of another package, such as KeyboardInterrupt, as one line.

    Args:
        error: The error about to be raised.
        message: The line.
    """
    error._render_traceback_ = lambda: [printable(message)]  # type: ignore[attr-defined]


for _name in __all__:
    if isinstance(_class := globals()[_name], type):
        _class.__module__ = "liangxin_nb"  # the name that users import
