"""Faults of the content of API answers."""

from __future__ import annotations

import json
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from .envelopes import ApiResponse
from .faults import Fault, Faults
from .odd_answers import ODD_ANSWER_FAULTS, AnswerFault
from .result_shapes import shape_result

__all__ = ["ANSWER_FAULTS", "change_answer"]

_TIMES = ("createTime", "updateTime", "completeTime")
_NULLABLE = ("failCode", "failMsg", "resultJson")


def change_answer(answer: ApiResponse, faults: Faults, profile: str) -> None:
    """Give an answer the form of a profile, and apply the faults of the stage ``answer``."""
    if profile == "kie" and _is_error(answer):
        _convert_to_kie_error(answer)
    for fault in faults.take("answer", lambda fault: ANSWER_FAULTS[fault.name][0](answer)):
        ANSWER_FAULTS[fault.name][1](answer, fault)


def _is_error(answer: ApiResponse) -> bool:
    """Return whether the answer is an error."""
    return answer.status >= 400


def _is_record(answer: ApiResponse) -> bool:
    """Return whether the answer contains a task record."""
    return "createTime" in answer.data


def _has_result(answer: ApiResponse) -> bool:
    """Return whether the answer contains a result."""
    return bool(answer.data.get("resultJson"))


def _shift_times(answer: ApiResponse, fault: Fault) -> None:
    """Change all times by the fault's offset."""
    for name in _TIMES:
        if answer.data.get(name):
            answer.data[name] += int(fault.seconds * 1000)
    if "Retry-After" in answer.headers:
        retry_at = parsedate_to_datetime(answer.headers["Retry-After"]).timestamp()
        answer.headers["Retry-After"] = formatdate(retry_at + fault.seconds, usegmt=True)


def _convert_to_kie_error(answer: ApiResponse, _: Fault | None = None) -> None:
    """Send the error with HTTP 200 and the code in the body."""
    error = answer.body.pop("error", None)
    if error:
        answer.body = {"code": answer.status, "msg": error["message"], "data": None}
    if answer.status == 404:
        answer.body.update(code=422, msg="recordInfo is null")
    answer.status = 200


def _add_message_key(answer: ApiResponse, _: Fault) -> None:
    """Send the message twice."""
    answer.body["message"] = answer.body["msg"]


def _rename_message_key(answer: ApiResponse, _: Fault) -> None:
    """Send the message under another key."""
    answer.body["message"] = answer.body.pop("msg")


def _remove_result(answer: ApiResponse, _: Fault) -> None:
    """Send an empty result."""
    answer.data["resultJson"] = ""


def _result_urls(answer: ApiResponse) -> list[str]:
    """Return the URLs of the result, none for other results than files."""
    result = answer.data.get("resultJson")
    value: Any = json.loads(result) if isinstance(result, str) and result[:1] == "{" else {}
    urls = value.get("resultUrls")
    is_regular = isinstance(urls, list) and all(isinstance(url, str) for url in urls)
    return urls if is_regular else []


def _change_result(answer: ApiResponse, fault: Fault) -> None:
    """Send the result in another shape."""
    answer.data["resultJson"] = shape_result(fault.value, _result_urls(answer))


def _has_encoded_result(answer: ApiResponse) -> bool:
    """Return whether the result is JSON in a text."""
    result = answer.data.get("resultJson")
    return isinstance(result, str) and result[:1] in ("{", "[")


def _decode_result(answer: ApiResponse, _: Fault) -> None:
    """Send the result as an object."""
    answer.data["resultJson"] = json.loads(answer.data["resultJson"])


def _encode_result_again(answer: ApiResponse, _: Fault) -> None:
    """Send the result encoded twice."""
    answer.data["resultJson"] = json.dumps(answer.data["resultJson"])


def _change_types(answer: ApiResponse, _: Fault) -> None:
    """Send null for empty texts and texts for numbers."""
    for name, value in answer.data.items():
        if isinstance(value, int):
            answer.data[name] = str(value)
        elif name in _NULLABLE and value == "":
            answer.data[name] = None


def _add_unknown_fields(answer: ApiResponse, _: Fault) -> None:
    """Send undocumented fields."""
    answer.body.update(traceId="0af7651916cd43dd", v2={"shard": [1, None, {"hot": True}]})
    if answer.data:
        answer.data.update(progress=57, creditsConsumed=0.5, attempts=[], queue={"ahead": None})


#: For each fault of this stage: the answers that it applies to, and the change.
ANSWER_FAULTS: dict[str, AnswerFault] = {
    "clock": (
        lambda answer: _is_record(answer) or answer.headers.get("Retry-After", "").endswith("GMT"),
        _shift_times,
    ),
    "kie": (_is_error, _convert_to_kie_error),
    "message": (lambda answer: "msg" in answer.body, _rename_message_key),
    "message-too": (lambda answer: "msg" in answer.body, _add_message_key),
    "result-missing": (_has_result, _remove_result),
    "result-shape": (lambda answer: bool(_result_urls(answer)), _change_result),
    "result-object": (_has_encoded_result, _decode_result),
    "result-twice": (
        lambda answer: isinstance(answer.data.get("resultJson"), str) and _has_result(answer),
        _encode_result_again,
    ),
    "nulls": (_is_record, _change_types),
    "extra": (lambda _: True, _add_unknown_fields),
    **ODD_ANSWER_FAULTS,
}
