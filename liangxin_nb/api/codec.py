"""Encode requests and parse responses of the Market task API; responses are parsed tolerantly.

The parsers take the HTTP status, the body, and the seconds of a Retry-After header.
Source: the Get Task Details pages of LiangXin and KIE for recordInfo; LiangXin's model pages for
createTask and both error envelopes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ..core.outcomes import CreateAnswer
from ..core.request import Request
from ..core.task import TaskRecord, TaskState
from ..errors import APIError, TaskFailedError
from .answers import (
    build_unreadable_error,
    one_line,
    parse_data,
    read_answer,
    to_number,
    to_text,
)
from .outputs import parse_outputs
from .tolerant_json import NO_IDS, decode_nested, find_created_id, find_record_fields

__all__ = [
    "create_body",
    "find_task_id",
    "link_body",
    "parse_balance",
    "parse_link",
    "parse_record",
    "parse_upload",
    "read_create",
    "redact_callback_urls",
    "to_task_failed",
    "upload_body",
]

_RESULT_FIELDS = ("resultJson", "resultInfoJson", "response", "result", "output", "resultUrls")
_FLAGS = {"0": "generating", "1": "success", "2": "fail", "3": "fail"}
_NO_FAILURE = ("", "0", "200", "null", "none")
_PASSING_CODES = ("500", "502", "503", "504")
_CHANGE = "Change the prompt or the options, then run the cell again."
_MAX_ID = 500  # characters
_MAX_TIME = 1e15  # a Unix time in milliseconds far in the future
#: Texts in place of an object that can only be an id.
_TASK_ID = re.compile(r"(?:task|job)[_-][A-Za-z0-9_.:-]{1,200}", re.IGNORECASE)
_LONG_ID = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9-]{16,64}")
_URL = re.compile(r"https?://[^\s\"<>]{1,2000}")


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


def read_create(
    status: int, body: bytes, retry_after: float | None = None
) -> tuple[CreateAnswer, APIError]:
    """Read the response to createTask.

    Returns:
        The facts for `decide_create`, and the error to raise if they name no task.
    """
    answer = read_answer(body)
    try:
        parse_data(status, body, retry_after, answer)
        error = build_unreadable_error(status, body, "it holds no taskId")
    except APIError as rejection:
        error = rejection
    code = int(error.code) if error.code.isdecimal() else None
    return CreateAnswer(status, code, find_task_id(body, answer, status)), error


def find_task_id(body: bytes, answer: Any = None, status: int = 200) -> str:
    """Find the id of a created task in an answer, wherever it is.

    Args:
        body: The answer, possibly cut off.
        answer: The decoded answer, if it could be decoded.
        status: The HTTP status.

    Returns:
        The id, or an empty text.
    """
    text = body.decode("utf-8", "replace")
    if not isinstance(answer, dict):
        bare = text.strip("\ufeff \t\r\n\"'")
        is_id = 200 <= status < 300 and _TASK_ID.fullmatch(bare)
        return bare if is_id else find_created_id(text)
    data = decode_nested(answer.get("data"))
    if data is None:
        data = answer.get("data")
    if task_id := _find_named_id(data, 0) or _find_named_id(answer, 0):
        return task_id
    if isinstance(data, dict):
        return _to_id(data.get("id"))
    word = to_text(data) if isinstance(data, str) else ""
    return word if _TASK_ID.fullmatch(word) or _LONG_ID.fullmatch(word) else ""


def parse_record(
    status: int, body: bytes, retry_after: float | None = None, *, origin: str = ""
) -> TaskRecord:
    """Parse the response to recordInfo; a final state in it decides, whatever its codes say.

    Args:
        status: The HTTP status.
        body: The body.
        retry_after: The seconds of a Retry-After header.
        origin: The API's address, for links without a host.

    Raises:
        APIError: If there is no task record.
    """
    answer = read_answer(body)
    data = decode_nested(answer.get("data")) if isinstance(answer, dict) else None
    if not isinstance(answer, dict):
        data = find_record_fields(body.decode("utf-8", "replace"))
    record = _build_record(data, body, origin) if isinstance(data, dict) else None
    if record is not None and record.state.is_final:
        return record
    parse_data(status, body, retry_after, {} if record and answer is None else answer)
    if record is None:
        raise build_unreadable_error(status, body, "it holds no state")
    return record


def parse_balance(status: int, body: bytes, retry_after: float | None = None) -> float:
    """Parse the response to KIE's chat/credit.

    Raises:
        APIError: If there is no number.
    """
    data = to_number(parse_data(status, body, retry_after))
    if data is None:
        raise build_unreadable_error(status, body, "it holds no number of credits")
    return data


def parse_upload(status: int, body: bytes, retry_after: float | None = None) -> str:
    """Parse the response to KIE's file-base64-upload.

    Raises:
        APIError: If there is no URL.
    """
    data = parse_data(status, body, retry_after)
    url = to_text(data.get("downloadUrl")) if isinstance(data, dict) else ""
    if not _URL.fullmatch(url):
        raise build_unreadable_error(status, body, "it holds no downloadUrl")
    return url


def parse_link(status: int, body: bytes, retry_after: float | None = None) -> str:
    """Parse the response to KIE's download-url.

    Raises:
        APIError: If there is no URL.
    """
    url = to_text(parse_data(status, body, retry_after))
    if not _URL.fullmatch(url):
        raise build_unreadable_error(status, body, "it holds no link")
    return url


def to_task_failed(task: TaskRecord) -> TaskFailedError:
    """Build the error for a failed task, with the service's own message."""
    code = f" ({task.fail_code})" if task.fail_code else ""
    reason = one_line(task.fail_msg or task.state_word) or "no reason given"
    # The advice must not contradict the service's own.
    words = reason.lower()
    is_passing = task.fail_code in _PASSING_CODES or "try again" in words or "稍后" in words
    return TaskFailedError(
        f"The task failed{code}: {reason}.".replace("..", "."),
        fail_code=task.fail_code,
        task_id=task.task_id,
        next_step="Run the cell again for a new task." if is_passing else _CHANGE,
    )


def _find_named_id(value: Any, depth: int) -> str:
    """Return the first `taskId` or `task_id` in a value, at most three levels deep."""
    if isinstance(value, list):
        value = dict(enumerate(value[:10]))
    if not isinstance(value, dict) or depth > 3:
        return ""
    for name, item in value.items():
        if str(name).replace("_", "").lower() == "taskid" and (task_id := _to_id(item)):
            return task_id
    return next(filter(None, (_find_named_id(item, depth + 1) for item in value.values())), "")


def _to_id(value: Any) -> str:
    """Return an id as text, or an empty text for a placeholder."""
    task_id = to_text(value)
    return "" if task_id.lower() in NO_IDS or len(task_id) > _MAX_ID else task_id


def _build_record(data: dict[str, Any], body: bytes, origin: str) -> TaskRecord | None:
    """Build the record from `data`; None without a state."""
    word = _find_state(data)
    result = next(filter(None, (data.get(name) for name in _RESULT_FIELDS)), None)
    outputs = parse_outputs(result, origin)
    fail_code, fail_msg = to_text(data.get("failCode")), to_text(data.get("failMsg"))
    completed_ms = _to_milliseconds(data.get("completeTime"))
    state = TaskState.parse(word)
    if not state.is_documented:
        has_failed = fail_msg or fail_code.lower() not in _NO_FAILURE
        if outputs and completed_ms:
            state = TaskState("success")
        elif has_failed:
            state = TaskState("fail")
    if not state:
        return None
    return TaskRecord(
        task_id=to_text(data.get("taskId")) or to_text(data.get("task_id")),
        state=state,
        model=to_text(data.get("model")),
        outputs=outputs,
        param=_parse_param(data.get("param")),
        fail_code=fail_code,
        fail_msg=fail_msg or (to_text(data.get("errorMessage")) if state == "fail" else ""),
        created_ms=_to_milliseconds(data.get("createTime")),
        updated_ms=_to_milliseconds(data.get("updateTime")),
        completed_ms=completed_ms,
        credits=to_number(data.get("creditsConsumed")),
        raw=body.decode("utf-8", "replace"),
        state_word=word if word != state else "",
    )


def _find_state(data: dict[str, Any]) -> str:
    """Return the service's word for the state: `state`, `status`, or KIE's `successFlag`.

    Source: KIE's Get Details pages: 0 is generating, 1 success, 2 and 3 are failures.
    """
    word = to_text(data.get("state")) or to_text(data.get("status"))
    flag = to_text(data.get("successFlag"))
    if word and (TaskState.parse(word).is_documented or flag not in _FLAGS):
        return word
    return _FLAGS.get(flag, "")


def _parse_param(value: Any) -> Mapping[str, Any]:
    param = decode_nested(value)
    if not isinstance(param, dict):
        return {}
    return {**param, "input": decode_nested(param["input"])} if "input" in param else param


def _to_milliseconds(value: Any) -> int:
    """Return a time of the service without a fraction; 0 if it is not a number."""
    number = to_number(value) or 0.0
    return int(number) if 0 < number < _MAX_TIME else 0
