"""JSON envelopes of the API's answers, and the faults that change them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Self

from starlette.responses import JSONResponse, Response

from .faults import Fault, Faults

__all__ = ["ApiResponse"]

_TIMES = ("createTime", "updateTime", "completeTime")
_NULLABLE = ("failCode", "failMsg", "resultJson")


@dataclass
class ApiResponse:
    """A status, a JSON body, and additional headers."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def success(cls, data: Any) -> Self:
        """Return a successful answer."""
        return cls(200, {"code": 200, "msg": "success", "data": data})

    @classmethod
    def task_error(cls, code: int, message: str) -> Self:
        """Return an error in the envelope of the task API."""
        return cls(code, {"code": code, "msg": message, "data": None})

    @classmethod
    def gateway_error(cls, status: int, message: str, code: str = "") -> Self:
        """Return an error in the envelope of the gateway, which checks keys and quotas."""
        return cls(status, {"error": {"message": message, "type": "new_api_error", "code": code}})

    @classmethod
    def error(cls, status: int, message: str, gateway_code: str = "") -> Self:
        """Return an error in the envelope that the service uses for this status."""
        if status in (401, 403):
            return cls.gateway_error(status, message, gateway_code)
        return cls.task_error(status, message)

    @property
    def data(self) -> dict[str, Any]:
        """The body's ``data``, empty if it is not an object."""
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    def response(self, faults: Faults, profile: str) -> Response:
        """Create the HTTP response of a profile, with the faults of the stage ``answer``."""
        if profile == "kie" and _is_error(self):
            _convert_to_kie_error(self)
        for fault in faults.take("answer", lambda fault: ANSWER_FAULTS[fault.name][0](self)):
            ANSWER_FAULTS[fault.name][1](self, fault)
        return JSONResponse(self.body, self.status, self.headers)


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
ANSWER_FAULTS: dict[
    str, tuple[Callable[[ApiResponse], bool], Callable[[ApiResponse, Fault], None]]
] = {
    "clock": (
        lambda answer: _is_record(answer) or answer.headers.get("Retry-After", "").endswith("GMT"),
        _shift_times,
    ),
    "kie": (_is_error, _convert_to_kie_error),
    "message": (lambda answer: "msg" in answer.body, _rename_message_key),
    "message-too": (lambda answer: "msg" in answer.body, _add_message_key),
    "result-missing": (_has_result, _remove_result),
    "result-object": (_has_result, _decode_result),
    "result-twice": (
        lambda answer: isinstance(answer.data.get("resultJson"), str) and _has_result(answer),
        _encode_result_again,
    ),
    "nulls": (_is_record, _change_types),
    "extra": (lambda _: True, _add_unknown_fields),
}
