"""What can go wrong with a call of the API, before its work is done or after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from starlette.responses import Response

from .broken_connections import DroppedConnection, TruncatedResponse
from .envelopes import ApiResponse
from .faults import Fault, Faults
from .rate_limits import RateLimits

__all__ = ["STEPS", "FaultPipeline"]

#: Given the fault and the good answer (before the work: an empty one), what is answered instead;
#: None for the usual course.
Step = Callable[[Fault, Response], Awaitable[ApiResponse | Response | None]]

_SATURATED = "当前分组上游负载已饱和，请稍后再试 (request id: 20260501120000000)"
_NO_CHANNEL = "No available channel for this model under group default (distributor)"
_PROXY = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
_LOGIN = "<!DOCTYPE html><html><body><form action='/login'>Please log in</form></body></html>"
_BROKEN = '{"code":200,"msg":"success","data":{"taskId":"task_'


class FaultPipeline:
    """The calls of one sandbox: what strikes them, and how they are answered."""

    def __init__(self, faults: Faults, limits: RateLimits, profile: str) -> None:
        self._faults = faults
        self._profile = profile
        self._limits = limits

    async def before(self, call: str, place: str, key: str) -> Response | None:
        """What is answered instead of doing the work, if anything."""
        self._limits.count_call(call, key)
        for where in ("call", place):
            struck = await self._step(where, Response(), lambda fault: self._fits(fault, call, key))
            if struck:
                return struck
        return None

    async def after(self, place: str, good: Response) -> Response:
        """What is answered once the work is done."""
        return await self._step(place, good) or good

    def response(self, answer: ApiResponse) -> Response:
        """The answer in the styles in force."""
        return answer.response(self._faults, self._profile)

    def _fits(self, fault: Fault, call: str, key: str) -> bool:
        return fault.name != "limits" or self._limits.is_exceeded(call, key)

    async def _step(
        self, place: str, good: Response, fits: Callable[[Fault], bool] | None = None
    ) -> Response | None:
        for fault in self._faults.take(place, fits):
            instead = await STEPS[fault.name](fault, good)
            if isinstance(instead, ApiResponse):
                return self.response(instead)
            if instead is not None:
                return instead
        return None


def _error_response(code: int, message: str, word: str | None = None) -> Step:
    """Refuses; with a `word`, as the gateway does."""

    async def step(_: Fault, __: Response) -> ApiResponse:
        return (
            ApiResponse.error(code, message)
            if word is None
            else ApiResponse.gateway_error(code, message, word)
        )

    return step


def _html_response(status: int, text: str, kind: str = "text/html") -> Step:
    async def step(_: Fault, __: Response) -> Response:
        return Response(text, status, media_type=kind)

    return step


def _drop_connection(*, reset: bool) -> Step:
    async def step(_: Fault, __: Response) -> Response:
        return DroppedConnection(reset=reset)

    return step


async def _slow(fault: Fault, _: Response) -> None:
    await asyncio.sleep(fault.seconds)


async def _half(_: Fault, good: Response) -> Response:
    return TruncatedResponse(bytes(good.body), good.status_code, good.headers)


async def _no_id(_: Fault, __: Response) -> ApiResponse:
    return ApiResponse.success({})


async def _busy(fault: Fault, _: Response) -> ApiResponse:
    answer = ApiResponse.gateway_error(429, _SATURATED)
    if fault.value:
        answer.headers["Retry-After"] = fault.value
    return answer


async def _busy_date(fault: Fault, _: Response) -> ApiResponse:
    answer = ApiResponse.gateway_error(429, _SATURATED)
    moment = time.time() + float(fault.value or 2)
    answer.headers["Retry-After"] = formatdate(moment, usegmt=True)
    return answer


STEPS: dict[str, Step] = {
    "key-revoked": _error_response(401, "invalid token"),
    "limits": _error_response(429, "Too many requests, please slow down."),
    "create-reset": _drop_connection(reset=True),
    "busy": _busy,
    "busy-date": _busy_date,
    "create-402": _error_response(
        402, "Credits insufficient: your balance is not enough for this request."
    ),
    "create-403": _error_response(403, "This token has no access to the model."),
    "create-403-quota": _error_response(
        403, "用户额度不足, 剩余额度: $0.000000", "insufficient_user_quota"
    ),
    "create-413": _error_response(413, "request body too large"),
    "create-422-moderated": _error_response(
        422, "The prompt was rejected by the content moderation."
    ),
    "create-455": _error_response(455, "The service is under maintenance."),
    "create-500": _error_response(500, "internal task error"),
    "create-500-required": _error_response(500, "This field is required"),
    "create-502": _html_response(502, _PROXY),
    "create-503": _error_response(503, _NO_CHANNEL, "model_not_found"),
    "create-slow": _slow,
    "create-lost": _drop_connection(reset=False),
    "create-half": _half,
    "create-garbled": _html_response(200, _BROKEN, "application/json"),
    "create-no-id": _no_id,
    "create-empty": _html_response(200, "", "application/json"),
    "create-created-500": _error_response(500, "upstream error: do request failed"),
    "record-slow": _slow,
    "record-busy": _busy,
    "record-busy-date": _busy_date,
    "record-500": _error_response(500, "could not query the task"),
    "record-502": _html_response(502, _PROXY),
    "record-503": _error_response(503, "service temporarily unavailable"),
    "record-html": _html_response(200, _LOGIN),
    "record-empty": _html_response(200, "", "application/json"),
    "record-broken": _html_response(200, _BROKEN, "application/json"),
    "record-reset": _drop_connection(reset=True),
}
