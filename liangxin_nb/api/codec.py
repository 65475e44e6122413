"""The JSON of the Market task API, both ways: strict in what is sent, tolerant in what is read.

Sources: the two Get Task Details pages for recordInfo; LiangXin's model pages for createTask and
both error envelopes. Pure: no clock and no socket.
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

_QUOTA = ("quota", "insufficient", "credit", "balance", "额度", "余额")
_CONTENT = ("sensitive", "moderat", "safety", "nsfw", "policy", "敏感", "违规")
_ADDRESS = re.compile(r"https?://[^\s\"<>]{1,2000}")
_KEY = "Check the key: LIANGXIN_API_KEY, or the service's console."
_CREDIT = "Top up the account, then run the cell again."
_ANSWERS: dict[int, tuple[type[APIError], str]] = {
    401: (AuthenticationError, _KEY),
    402: (InsufficientCreditsError, _CREDIT),
    403: (AuthenticationError, "Check what this key may do in the service's console."),
    429: (RateLimitError, "Wait a little, then run the cell again."),
    433: (
        InsufficientCreditsError,
        "The key has reached its own usage limit; raise it in the console.",
    ),
    455: (MaintenanceError, "Try again later."),
}


def create_body(request: Request, callback: str = "") -> bytes:
    """The body of createTask: `model`, `input`, `callBackUrl` if there is one; UTF-8 JSON."""
    called = {"callBackUrl": callback} if callback else {}
    return msgspec.json.encode({"model": request.model, **called, "input": request.input})


def upload_body(uri: str, name: str) -> bytes:
    """The body of KIE's file-base64-upload for a data URI; its page takes them as they are."""
    given = {"base64Data": uri, "uploadPath": "images/liangxin_nb", "fileName": name}
    return msgspec.json.encode(given)


def link_body(url: str) -> bytes:
    """The body of KIE's download-url, which makes a new link to a result of its own."""
    return msgspec.json.encode({"url": url})


def redact_callback_urls(content: bytes) -> bytes:
    """An answer that echoes our callback URL, without the word in it that lets one call.

    A path's slashes may be escaped, once for each JSON in a JSON.
    """
    return re.sub(rb"(liangxin\\*/callback\\*/)[A-Za-z0-9_-]+", rb"\1...", content)


def parse_create(status: int, body: bytes, retry_after: float | None = None) -> str:
    """The task id in an answer to createTask; raises `APIError` when there is none.

    An answer that names a task is no refusal, whatever its status: the task exists.
    """
    if task_id := _named(body):
        return task_id
    _parse_data(status, body, retry_after)  # raises for a refusal
    raise _unreadable_error(status, body, "it holds no taskId")


def parse_record(status: int, body: bytes, retry_after: float | None = None) -> TaskRecord:
    """The task's record in an answer to recordInfo; raises `APIError` when there is none."""
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
    """The balance in an answer to KIE's chat/credit; raises `APIError` when there is none."""
    data = _to_number(_parse_data(status, body, retry_after))
    if data is None:
        raise _unreadable_error(status, body, "it holds no number of credits")
    return data


def parse_upload(status: int, body: bytes, retry_after: float | None = None) -> str:
    """The address in an answer to KIE's file upload; raises `APIError` when there is none."""
    data = _parse_data(status, body, retry_after)
    url = _to_text(data.get("downloadUrl")) if isinstance(data, dict) else ""
    if not _ADDRESS.fullmatch(url):
        raise _unreadable_error(status, body, "it holds no downloadUrl")
    return url


def parse_link(status: int, body: bytes, retry_after: float | None = None) -> str:
    """The link in an answer to KIE's download-url; raises `APIError` when there is none."""
    url = _to_text(_parse_data(status, body, retry_after))
    if not _ADDRESS.fullmatch(url):
        raise _unreadable_error(status, body, "it holds no link")
    return url


def to_task_failed(task: TaskRecord) -> TaskFailedError:
    """The error for a record whose state is `fail`, in the service's own words."""
    code = f" ({task.fail_code})" if task.fail_code else ""
    said = task.fail_msg or "no reason given"
    return TaskFailedError(
        f"The task failed{code}: {_one_line(said)}.".replace("..", "."),
        fail_code=task.fail_code,
        task_id=task.task_id,
        next_step="Change the prompt or the options, then run the cell again.",
    )


def _named(body: bytes) -> str:
    """The task id that an answer names under `data`, or an empty text."""
    answer = _parse_object(body.decode("utf-8", "replace"))
    data = answer.get("data") if isinstance(answer, dict) else None
    return _to_text(data.get("taskId")) if isinstance(data, dict) else ""


def _parse_data(status: int, body: bytes, retry_after: float | None) -> Any:
    """What stands under `data` of a good answer; raises for every other one."""
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
    kind, next_step = _ANSWERS.get(number, (APIError, ""))
    words = message.lower()
    if number == 403 and any(word in words for word in _QUOTA):
        kind, next_step = InsufficientCreditsError, _CREDIT
    elif number in (400, 422) and any(word in words for word in _CONTENT):
        kind, next_step = ContentPolicyError, "Change the prompt, then run the cell again."
    said = _one_line(message) or "no reason given"
    return kind(
        f"The service refused the request ({number}): {said}.",
        status=status,
        code=code,
        retry_after=retry_after,
        next_step=next_step,
    )


def _unreadable_error(
    status: int, body: bytes, why: str, retry_after: float | None = None
) -> APIError:
    start = _one_line(body[:200].decode("utf-8", "replace"))
    said = f" It begins: {start[:80]}" if start else " It is empty."
    return APIError(
        f"The answer (HTTP {status}) cannot be read: {why}.{said}",
        status=status if status >= 300 else 502,
        retry_after=retry_after,
        next_step="Check that the address is the API's own and that no proxy answers for it.",
    )


def _parse_outputs(value: Any) -> tuple[TaskOutput, ...]:
    """Every output that an answer names: links, frames of a film, an object or a text."""
    result = _parse_object(value)
    if not isinstance(result, dict):
        return ()
    named = [result.get(name) for name in ("resultUrls", "firstFrameUrl", "lastFrameUrl")]
    urls = [url for some in named for url in (some if isinstance(some, list) else [some])]
    outputs = [TaskOutput.from_url(url) for url in urls if isinstance(url, str) and url]
    told = _error_message(result.get("resultObject"))
    if told:
        text = told if isinstance(told, str) else msgspec.json.format(msgspec.json.encode(told))
        plain = text if isinstance(text, str) else text.decode()
        outputs.append(TaskOutput("", "text", plain))
    return tuple(outputs)


def _error_message(told: Any) -> Any:
    """An object that holds one text and nothing else is that text."""
    values = list(told.values()) if isinstance(told, dict) else []
    return values[0] if len(values) == 1 and isinstance(values[0], str) else told


def _parse_param(value: Any) -> Mapping[str, Any]:
    param = _parse_object(value)
    if not isinstance(param, dict):
        return {}
    return {**param, "input": _parse_object(param["input"])} if "input" in param else param


def _parse_object(value: Any) -> Any:
    """A value that may be an object, its JSON text, or the JSON text of its JSON text."""
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
    """Text from outside as one short line."""
    return " ".join(text.split())[:300].rstrip(".")
