"""What the API answers, in the envelopes of its documents and in the styles met in the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Self

from starlette.responses import JSONResponse, Response

from .faults import Fault, Faults

__all__ = ["ApiResponse", "callback_body"]

_TIMES = ("createTime", "updateTime", "completeTime")
_EMPTY = ("failCode", "failMsg", "resultJson")


@dataclass
class ApiResponse:
    """A status, a JSON body, and headers besides the usual ones."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def success(cls, data: Any) -> Self:
        """A yes."""
        return cls(200, {"code": 200, "msg": "success", "data": data})

    @classmethod
    def task_error(cls, code: int, message: str) -> Self:
        """A no of the layer that knows the tasks."""
        return cls(code, {"code": code, "msg": message, "data": None})

    @classmethod
    def gateway_error(cls, code: int, message: str, word: str = "") -> Self:
        """A no of the layer before it, which knows keys and quotas."""
        said = {"message": message, "type": "new_api_error", "code": word}
        return cls(code, {"error": said})

    @classmethod
    def error(cls, code: int, message: str, word: str = "") -> Self:
        """A no in the envelope of the layer that says such things."""
        return (
            cls.gateway_error(code, message, word)
            if code in (401, 403)
            else cls.task_error(code, message)
        )

    @property
    def data(self) -> dict[str, Any]:
        """The body's `data`, empty where that is no object."""
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    def response(self, faults: Faults, profile: str) -> Response:
        """The answer as the service of that profile sends it, in the styles in force."""
        if profile == "kie" and _is_error(self):
            _as_kie(self)
        for fault in faults.take("answer", lambda fault: _STYLES[fault.name][0](self)):
            _STYLES[fault.name][1](self, fault)
        return JSONResponse(self.body, self.status, self.headers)


def _is_error(answer: ApiResponse) -> bool:
    return answer.status >= 400


def _is_record(answer: ApiResponse) -> bool:
    return "createTime" in answer.data


def _has_result(answer: ApiResponse) -> bool:
    return bool(answer.data.get("resultJson"))


def _tells_a_time(answer: ApiResponse) -> bool:
    return _is_record(answer) or answer.headers.get("Retry-After", "").endswith("GMT")


def _shift(answer: ApiResponse, fault: Fault) -> None:
    for name in _TIMES:
        if answer.data.get(name):
            answer.data[name] += int(fault.seconds * 1000)
    if "Retry-After" in answer.headers:
        moment = parsedate_to_datetime(answer.headers["Retry-After"]).timestamp()
        answer.headers["Retry-After"] = formatdate(moment + fault.seconds, usegmt=True)


def callback_body(data: dict[str, Any], profile: str) -> dict[str, Any]:
    """The body of a callback for a task's record: LiangXin's is recordInfo's, KIE's its own."""
    if profile != "kie":
        return {"code": 200, "msg": "success", "data": data}
    good = data["state"] == "success"
    param = json.loads(data["param"])
    twice = {**param, "input": json.dumps(param["input"], ensure_ascii=False)}
    told = {"param": json.dumps(twice, ensure_ascii=False), "costTime": data["costTime"] // 1000}
    words = f"Playground task {'completed successfully' if good else 'failed'}."
    return {"code": 200 if good else 501, "msg": words, "data": {**data, **told}}


def _as_kie(answer: ApiResponse, _: Fault | None = None) -> None:
    error = answer.body.pop("error", None)
    if error:
        answer.body = {"code": answer.status, "msg": error["message"], "data": None}
    if answer.status == 404:
        answer.body.update(code=422, msg="recordInfo is null")
    answer.status = 200


def _say_both(answer: ApiResponse, _: Fault) -> None:
    answer.body["message"] = answer.body["msg"]


def _say_message(answer: ApiResponse, _: Fault) -> None:
    answer.body["message"] = answer.body.pop("msg")


def _no_result(answer: ApiResponse, _: Fault) -> None:
    answer.data["resultJson"] = ""


def _object(answer: ApiResponse, _: Fault) -> None:
    answer.data["resultJson"] = json.loads(answer.data["resultJson"])


def _twice(answer: ApiResponse, _: Fault) -> None:
    answer.data["resultJson"] = json.dumps(answer.data["resultJson"])


def _nulls(answer: ApiResponse, _: Fault) -> None:
    for name, value in answer.data.items():
        if isinstance(value, int):
            answer.data[name] = str(value)
        elif name in _EMPTY and value == "":
            answer.data[name] = None


def _more(answer: ApiResponse, _: Fault) -> None:
    answer.body.update(traceId="0af7651916cd43dd", v2={"shard": [1, None, {"hot": True}]})
    if answer.data:
        answer.data.update(progress=57, creditsConsumed=0.5, attempts=[], queue={"ahead": None})


#: Each style: the answers that it changes, and how.
_STYLES: dict[str, tuple[Callable[[ApiResponse], bool], Callable[[ApiResponse, Fault], None]]] = {
    "clock": (_tells_a_time, _shift),
    "kie": (_is_error, _as_kie),
    "message": (lambda answer: "msg" in answer.body, _say_message),
    "message-too": (lambda answer: "msg" in answer.body, _say_both),
    "result-missing": (_has_result, _no_result),
    "result-object": (_has_result, _object),
    "result-twice": (lambda answer: isinstance(answer.data.get("resultJson"), str)
                     and _has_result(answer), _twice),
    "nulls": (_is_record, _nulls),
    "extra": (lambda _: True, _more),
}  # fmt: skip
