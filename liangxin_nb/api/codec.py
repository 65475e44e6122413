"""Encode requests and parse responses of the Market task API; responses are parsed tolerantly.

The parsers take the HTTP status, the body, and the seconds of a Retry-After header.
Source: the Get Task Details pages of LiangXin and KIE for recordInfo; LiangXin's model pages for
createTask and both error envelopes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ..core.request import Request
from ..core.task import TaskOutput, TaskRecord, TaskState
from ..errors import (
    APIError,
    AuthenticationError,
    ContentPolicyError,
    InsufficientCreditsError,
    MaintenanceError,
    RateLimitError,
    TaskFailedError,
)

__all__ = [
    "create_body",
    "link_body",
    "parse_balance",
    "parse_create",
    "parse_link",
    "parse_record",
    "parse_upload",
    "redact_callback_urls",
    "to_task_failed",
    "upload_body",
]

_QUOTA_WORDS = ("quota", "insufficient", "credit", "balance", "额度", "余额")
_CONTENT_WORDS = ("sensitive", "moderat", "safety", "nsfw", "policy", "敏感", "违规")
_URL = re.compile(r"https?://[^\s\"<>]{1,2000}")
_CHECK_KEY = "Check the key: LIANGXIN_API_KEY, or the service's console."
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


def create_body(request: Request, callback_url: str = "") -> bytes:
    """Encode the body of createTask; `callBackUrl` only if there is one."""
    callback = {"callBackUrl": callback_url} if callback_url else {}
    return msgspec.json.encode({"model": request.model, **callback, "input": request.input})


def upload_body(uri: str, name: str) -> bytes:
    """Encode the body of KIE's file-base64-upload, which accepts data URIs."""
    return msgspec.json.encode(
        {"base64Data": uri, "uploadPath": "images/liangxin_nb", "fileName": name}
    )


def link_body(url: str) -> bytes:
    """Encode the body of KIE's download-url, which returns a new link to an output."""
    return msgspec.json.encode({"url": url})


def redact_callback_urls(content: bytes) -> bytes:
    """Remove the tokens from callback URLs that a response echoes.

    Args:
        content: A response body; slashes may be escaped, once for each level of nested JSON.

    Returns:
        The body without tokens.
    """
    return re.sub(rb"(liangxin\\*/callback\\*/)[A-Za-z0-9_-]+", rb"\1...", content)


def parse_create(status: int, body: bytes, retry_after: float | None = None) -> str:
    """Parse the response to createTask.

    A response that names a task is accepted whatever its status says: the task exists.

    Raises:
        APIError: If there is no task id.
    """
    if task_id := _find_task_id(body):
        return task_id
    _parse_data(status, body, retry_after)  # raises if the request was rejected
    raise _unreadable_error(status, body, "it holds no taskId")


def parse_record(status: int, body: bytes, retry_after: float | None = None) -> TaskRecord:
    """Parse the response to recordInfo.

    Raises:
        APIError: If there is no task record.
    """
    data = _parse_data(status, body, retry_after)
    if not isinstance(data, dict) or not _to_text(data.get("state")):
        raise _unreadable_error(status, body, "it holds no state")
    return TaskRecord(
        task_id=_to_text(data.get("taskId")),
        state=TaskState(_to_text(data.get("state"))),
        model=_to_text(data.get("model")),
        outputs=_parse_outputs(data.get("resultJson")),
        param=_parse_param(data.get("param")),
        fail_code=_to_text(data.get("failCode")),
        fail_msg=_to_text(data.get("failMsg")),
        created_ms=int(_to_number(data.get("createTime")) or 0),
        updated_ms=int(_to_number(data.get("updateTime")) or 0),
        completed_ms=int(_to_number(data.get("completeTime")) or 0),
        credits=_to_number(data.get("creditsConsumed")),
        raw=body.decode("utf-8", "replace"),
    )


def parse_balance(status: int, body: bytes, retry_after: float | None = None) -> float:
    """Parse the response to KIE's chat/credit.

    Raises:
        APIError: If there is no number.
    """
    data = _to_number(_parse_data(status, body, retry_after))
    if data is None:
        raise _unreadable_error(status, body, "it holds no number of credits")
    return data


def parse_upload(status: int, body: bytes, retry_after: float | None = None) -> str:
    """Parse the response to KIE's file-base64-upload.

    Raises:
        APIError: If there is no URL.
    """
    data = _parse_data(status, body, retry_after)
    url = _to_text(data.get("downloadUrl")) if isinstance(data, dict) else ""
    if not _URL.fullmatch(url):
        raise _unreadable_error(status, body, "it holds no downloadUrl")
    return url


def parse_link(status: int, body: bytes, retry_after: float | None = None) -> str:
    """Parse the response to KIE's download-url.

    Raises:
        APIError: If there is no URL.
    """
    url = _to_text(_parse_data(status, body, retry_after))
    if not _URL.fullmatch(url):
        raise _unreadable_error(status, body, "it holds no link")
    return url


def to_task_failed(task: TaskRecord) -> TaskFailedError:
    """Build the error for a failed task, with the service's own message."""
    code = f" ({task.fail_code})" if task.fail_code else ""
    reason = _one_line(task.fail_msg) or "no reason given"
    return TaskFailedError(
        f"The task failed{code}: {reason}.".replace("..", "."),
        fail_code=task.fail_code,
        task_id=task.task_id,
        next_step="Change the prompt or the options, then run the cell again.",
    )


def _find_task_id(body: bytes) -> str:
    """Return the task id under `data`, or an empty string."""
    answer = _parse_object(body.decode("utf-8", "replace"))
    data = answer.get("data") if isinstance(answer, dict) else None
    return _to_text(data.get("taskId")) if isinstance(data, dict) else ""


def _parse_data(status: int, body: bytes, retry_after: float | None) -> Any:
    """Return `data` of a successful response; raise `APIError` for every other one."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = None
    if not isinstance(answer, dict):
        raise _unreadable_error(status, body, "it is not the API's JSON", retry_after)
    error = answer.get("error")
    if isinstance(error, dict):
        code = _to_text(error.get("code"))
        raise _to_api_error(status, code, _to_text(error.get("message")), retry_after)
    code = _to_text(answer.get("code"))
    if not 200 <= status < 300 or code not in ("", "200"):
        message = _to_text(answer.get("msg")) or _to_text(answer.get("message"))
        raise _to_api_error(status, code, message, retry_after)
    return answer.get("data")


def _to_api_error(status: int, code: str, message: str, retry_after: float | None) -> APIError:
    number = int(code) if code.isdigit() else status
    error_class, next_step = _ERRORS.get(number, (APIError, ""))
    text = message.lower()
    if number == 403 and any(word in text for word in _QUOTA_WORDS):
        error_class, next_step = InsufficientCreditsError, _TOP_UP
    elif number in (400, 422) and any(word in text for word in _CONTENT_WORDS):
        error_class, next_step = ContentPolicyError, "Change the prompt, then run the cell again."
    reason = _one_line(message) or "no reason given"
    return error_class(
        f"The service rejected the request ({number}): {reason}.",
        status=status,
        code=code,
        retry_after=retry_after,
        next_step=next_step,
    )


def _unreadable_error(
    status: int, body: bytes, problem: str, retry_after: float | None = None
) -> APIError:
    start = _one_line(body[:200].decode("utf-8", "replace"))
    excerpt = f" It begins: {start[:80]}" if start else " It is empty."
    return APIError(
        f"The answer (HTTP {status}) cannot be read: {problem}.{excerpt}",
        status=status if status >= 300 else 502,
        retry_after=retry_after,
        next_step="Check the API address, and that no proxy answers in its place.",
    )


def _parse_outputs(value: Any) -> tuple[TaskOutput, ...]:
    """Return every output in `resultJson`: links, frames of a video, an object or a text."""
    result = _parse_object(value)
    if not isinstance(result, dict):
        return ()
    values = [result.get(name) for name in ("resultUrls", "firstFrameUrl", "lastFrameUrl")]
    urls = [url for value in values for url in (value if isinstance(value, list) else [value])]
    outputs = [TaskOutput.from_url(url) for url in urls if isinstance(url, str) and url]
    if result_object := _unwrap_text(result.get("resultObject")):
        text = (
            result_object
            if isinstance(result_object, str)
            else msgspec.json.format(msgspec.json.encode(result_object)).decode()
        )
        outputs.append(TaskOutput("", "text", text))
    return tuple(outputs)


def _unwrap_text(value: Any) -> Any:
    """Return the text of an object that has only that; every other value unchanged."""
    values = list(value.values()) if isinstance(value, dict) else []
    return values[0] if len(values) == 1 and isinstance(values[0], str) else value


def _parse_param(value: Any) -> Mapping[str, Any]:
    param = _parse_object(value)
    if not isinstance(param, dict):
        return {}
    return {**param, "input": _parse_object(param["input"])} if "input" in param else param


def _parse_object(value: Any) -> Any:
    """Return an object that may be encoded as JSON up to twice; None if it is invalid."""
    for _ in range(3):
        if not isinstance(value, str):
            return value
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
    return value


def _to_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _to_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _one_line(text: str) -> str:
    """Shorten a text of the service to one line."""
    return " ".join(text.split())[:300].rstrip(".")
