"""Read the envelope of an answer: its data, or the error that it reports.

Source: the model pages of the LiangXin Market docs describe both error envelopes.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ..core.outcomes import REJECTING_CODES
from ..errors import (
    APIError,
    AuthenticationError,
    ContentPolicyError,
    InsufficientCreditsError,
    MaintenanceError,
    RateLimitError,
)
from .tolerant_json import decode_nested, read_json

__all__ = [
    "build_unreadable_error",
    "one_line",
    "parse_data",
    "read_answer",
    "to_number",
    "to_text",
]

_QUOTA_WORDS = ("quota", "insufficient", "credit", "balance", "额度", "余额")
_CONTENT_WORDS = ("sensitive", "moderat", "safety", "nsfw", "policy", "敏感", "违规")
#: With these, and with 429 and 505, no task is created.
_REJECTIONS = REJECTING_CODES | {429, 505}
_SUCCESS_CODES = ("", "0", "200")
_CHECK_KEY = "Check the key: LIANGXIN_API_KEY, or the service's console."
_CHECK_ADDRESS = "Check the API address, and that no proxy or login page answers in its place."
_TOP_UP = "Top up the account, then run the cell again."
_ERRORS: dict[int, tuple[type[APIError], str]] = {
    401: (AuthenticationError, _CHECK_KEY),
    402: (InsufficientCreditsError, _TOP_UP),
    403: (AuthenticationError, "Check the key's permissions in the service's console."),
    429: (RateLimitError, "Wait a moment, then run the cell again."),
    433: (
        InsufficientCreditsError,
        "The key has reached its own usage limit; raise it in the console.",
    ),
    455: (MaintenanceError, "Try again later."),
}


def read_answer(body: bytes) -> Any:
    """Return the object that a body contains; None if it contains none."""
    answer = read_json(body)
    answer = decode_nested(answer) if isinstance(answer, str) else answer
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    return answer if isinstance(answer, dict) else None


def parse_data(
    status: int, body: bytes, retry_after: float | None, answer: dict[str, Any] | None = None
) -> Any:
    """Return `data` of a successful response; raise `APIError` for every other one."""
    answer = read_answer(body) if answer is None else answer
    if answer is None:
        raise build_unreadable_error(status, body, "it is not the API's JSON", retry_after)
    error = answer.get("error")
    if isinstance(error, dict):
        code = to_text(error.get("code"))
        raise _to_api_error(status, code, to_text(error.get("message")), retry_after)
    code = to_text(answer.get("code"))
    if not 200 <= status < 300 or code not in _SUCCESS_CODES:
        message = to_text(answer.get("msg")) or to_text(answer.get("message"))
        raise _to_api_error(status, code, message or to_text(error), retry_after)
    return answer.get("data")


def _to_api_error(status: int, code: str, message: str, retry_after: float | None) -> APIError:
    code = code[:100]
    number = APIError("", status=status, code=code).number
    error_class, next_step = _ERRORS.get(number, (APIError, ""))
    text = message.lower()
    if number == 403 and any(word in text for word in _QUOTA_WORDS):
        error_class, next_step = InsufficientCreditsError, _TOP_UP
    elif number in (400, 422) and any(word in text for word in _CONTENT_WORDS):
        error_class, next_step = ContentPolicyError, "Change the prompt, then run the cell again."
    reason = "" if text in ("success", "ok") else one_line(message)
    shown = max(number, status) if status >= 500 else number
    verb = "rejected the request" if shown in _REJECTIONS else "reports an error"
    return error_class(
        f"The service {verb} ({shown}): {reason or 'no reason given'}.",
        status=status,
        code=code,
        retry_after=retry_after,
        next_step=next_step,
    )


def build_unreadable_error(
    status: int, body: bytes, problem: str, retry_after: float | None = None
) -> APIError:
    """Build the error for an answer that is not the API's, such as a page of a proxy."""
    start = one_line(body[:200].decode("utf-8", "replace"))
    if start.startswith("<"):
        problem = "it is a web page"
        start = one_line(re.sub(r"<[^<>]*>?", " ", start)) or start
    excerpt = f' It begins: "{start[:80]}".' if start else " It is empty."
    if start.count("\ufffd") > 3 or not start.isprintable():
        excerpt = " It is binary data."  # such as of an encoding that was not accepted
    return APIError(
        f"The answer (HTTP {status}) cannot be read: {problem}.{excerpt}",
        status=status if status >= 300 else 502,
        retry_after=retry_after,
        is_api_answer=False,
        next_step=_CHECK_KEY if status == 401 else _CHECK_ADDRESS,
    )


def to_text(value: Any) -> str:
    """Return a text or number as text without white space around it; else an empty text."""
    if isinstance(value, bool) or value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def to_number(value: Any) -> float | None:
    """Return a finite number, also from a text; None for every other value."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def one_line(text: str) -> str:
    """Shorten a text of the service to one line."""
    return " ".join(text.split())[:300].rstrip(".")
