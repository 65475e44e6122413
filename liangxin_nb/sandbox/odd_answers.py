"""Faults of answers that real services and gateways send: ids, codes, words and times."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .envelopes import ApiResponse
from .faults import Fault

__all__ = ["ID_PLACES", "LAST_TIME_S", "ODD_ANSWER_FAULTS", "ODD_TIMES", "AnswerFault"]

#: The answers that a fault applies to, and the change.
AnswerFault = tuple[Callable[[ApiResponse], bool], Callable[[ApiResponse, Fault], None]]

#: The end of the year 9999 in unix seconds, the last time that can be written as text.
LAST_TIME_S = 253_402_300_799
_FINAL_STATES = ("success", "fail")
_SUCCESS_FLAGS = {"success": 1, "fail": 3}  # KIE docs, 4o image: 0 runs, 2 and 3 failed
_OTHER_TASK_ID = "task_of-another-client_1777600000000"


def _is_created(answer: ApiResponse) -> bool:
    """Return whether the answer names a new task."""
    return answer.call == "create" and "taskId" in answer.data


def _is_record(answer: ApiResponse) -> bool:
    """Return whether the answer contains a task record."""
    return "createTime" in answer.data


def _has_times(answer: ApiResponse) -> bool:
    """Return whether the answer contains a record with times as numbers."""
    return isinstance(answer.data.get("createTime"), int)


def _is_final(answer: ApiResponse) -> bool:
    """Return whether the answer contains the record of a task that has ended."""
    return answer.data.get("state") in _FINAL_STATES


def _is_of(call: str) -> Callable[[ApiResponse], bool]:
    """Return a function that returns whether an answer is one of a call."""
    return lambda answer: answer.call == call


def _has_state(state: str) -> Callable[[ApiResponse], bool]:
    """Return a function that returns whether an answer contains a state."""
    return lambda answer: answer.data.get("state") == state


#: The body of an answer that names a task in another place, by place.
ID_PLACES: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "task_id": lambda body, task_id: {**body, "data": {"task_id": task_id}},
    "id": lambda body, task_id: {**body, "data": {"id": task_id}},
    "top": lambda body, task_id: {**body, "data": None, "taskId": task_id},
    "top-task_id": lambda body, task_id: {**body, "data": None, "task_id": task_id},
    "string": lambda body, task_id: {**body, "data": task_id},
    "bare": lambda body, _: body,
    "cut": lambda body, _: body,
    "none": lambda body, _: {**body, "data": None},
}


def _move_id(answer: ApiResponse, fault: Fault) -> None:
    """Name the task in another place."""
    task_id = answer.data["taskId"]
    quoted = json.dumps(task_id)
    answer.body = ID_PLACES[fault.value](answer.body, task_id)
    if fault.value == "bare":
        answer.text_changes.append(lambda text: text.replace(quoted, task_id))
    elif fault.value == "cut":
        answer.text_changes.append(lambda text: _cut_after(text, task_id))


def _cut_after(text: str, task_id: str) -> str:
    """Return a text up to a task id and its closing quote."""
    before, _, after = text.partition(task_id)
    return before + task_id + ('"' if after.startswith('"') else "")


def _change_code(answer: ApiResponse, fault: Fault) -> None:
    """Send another code in the body, in the envelope that the answer has."""
    if "error" in answer.body:
        answer.body["error"]["code"] = fault.value
    else:
        answer.body["code"] = int(fault.value) if fault.value.isdigit() else fault.value


def _change_status(answer: ApiResponse, fault: Fault) -> None:
    """Send another HTTP status."""
    answer.status = int(fault.value)


def _add_retry_after(answer: ApiResponse, fault: Fault) -> None:
    """Send Retry-After."""
    answer.headers["Retry-After"] = fault.value


def _replace_task(answer: ApiResponse, fault: Fault) -> None:
    """Send the record of another task that has ended."""
    has_failed = fault.value == "fail"
    answer.body["data"] = {
        **answer.data,
        "taskId": _OTHER_TASK_ID,
        "state": fault.value,
        "resultJson": "" if has_failed else '{"resultUrls":["https://127.0.0.1:9/other.png"]}',
        "failCode": "500" if has_failed else "",
        "failMsg": "The task of another client failed." if has_failed else "",
    }


def _rename_state(answer: ApiResponse, fault: Fault) -> None:
    """Send another word for the state."""
    answer.data["state"] = fault.value


def _send_success_flag(answer: ApiResponse, _: Fault) -> None:
    """Send a number instead of the state, as other APIs of KIE do."""
    answer.data["successFlag"] = _SUCCESS_FLAGS.get(answer.data.pop("state"), 0)


def _send_status(answer: ApiResponse, _: Fault) -> None:
    """Send the state under another key."""
    answer.data["status"] = answer.data.pop("state")


def _unescape_param(answer: ApiResponse, _: Fault) -> None:
    """Escape the quotes in `param` one level too little, which makes the answer invalid JSON."""
    request = json.loads(answer.data["param"])
    encoded_input = json.dumps(request["input"], ensure_ascii=False)
    param = json.dumps({**request, "input": encoded_input}, ensure_ascii=False)
    answer.data["param"] = param
    quoted = json.dumps(param, ensure_ascii=False)
    answer.text_changes.append(lambda text: text.replace(quoted, f'"{param}"'))


def _send_nan(answer: ApiResponse, _: Fault) -> None:
    """Send a number that is not JSON."""
    answer.data["costTime"] = float("nan")


def _in_seconds(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return times in seconds."""
    return {name: data[name] // 1000 for name in names}


def _iso_time(milliseconds: int) -> str:
    """Return a time as text."""
    return datetime.fromtimestamp(min(milliseconds / 1000, LAST_TIME_S), UTC).isoformat()


#: The changed times of a record, by kind.
ODD_TIMES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "create-seconds": lambda data: _in_seconds(data, "createTime"),
    "seconds": lambda data: _in_seconds(
        data, "createTime", "updateTime", "completeTime", "costTime"
    ),
    "negative": lambda data: {"completeTime": data["createTime"] - 60_000, "costTime": -60_000},
    "absurd": lambda _: {"completeTime": 10**18, "costTime": 10**15},
    "text": lambda data: {
        name: _iso_time(data[name]) for name in ("createTime", "updateTime", "completeTime")
    },
}


def _change_times(answer: ApiResponse, fault: Fault) -> None:
    """Send odd times."""
    answer.data.update(ODD_TIMES[fault.value](answer.data))


ODD_ANSWER_FAULTS: dict[str, AnswerFault] = {
    "create-id": (_is_created, _move_id),
    "create-code": (_is_of("create"), _change_code),
    "create-status": (_is_of("create"), _change_status),
    "end-code": (_is_final, _change_code),
    "record-code": (_is_record, _change_code),
    "record-status": (_is_record, _change_status),
    "retry-after": (lambda answer: bool(answer.call), _add_retry_after),
    "odd-times": (_has_times, _change_times),
    "wrong-task": (_is_record, _replace_task),
    "param-unescaped": (_is_record, _unescape_param),
    "nan": (_is_record, _send_nan),
    "success-flag": (lambda answer: "state" in answer.data, _send_success_flag),
    "success-word": (_has_state("success"), _rename_state),
    "fail-word": (_has_state("fail"), _rename_state),
    "status-key": (lambda answer: "state" in answer.data, _send_status),
}
