"""Faults of API calls, applied before or after the call has done its work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

from starlette.responses import Response

from .answer_faults import change_answer
from .broken_connections import DroppedConnection, TruncatedResponse
from .envelopes import ApiResponse
from .faults import Fault, Faults
from .odd_answers import LAST_TIME_S
from .rate_limits import RateLimits
from .wire_faults import change_bytes

__all__ = ["FAULT_HANDLERS", "FaultPipeline"]

#: Takes the fault and the regular response (an empty one before the work is done), and returns
#: the response to send instead.
FaultHandler = Callable[[Fault, Response], ApiResponse | Response]

_SATURATED = "当前分组上游负载已饱和，请稍后再试 (request id: 20260501120000000)"
_NO_CHANNEL = "No available channel for this model under group default (distributor)"
_PROXY_PAGE = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
_LOGIN_PAGE = "<!DOCTYPE html><html><body><form action='/login'>Please log in</form></body></html>"
#: Text of a proxy's page by HTTP status, for other statuses that of a failed proxy.
_PAGES = {
    302: "Found",
    401: "Please log in",
    403: "Just a moment...",
    404: "404 page not found",
}
_FAILED_PROXY = "A required service did not answer"
_CUT_JSON = '{"code":200,"msg":"success","data":{"taskId":"task_'


class FaultPipeline:
    """Applies the active faults to the calls of one sandbox."""

    def __init__(self, faults: Faults, limits: RateLimits, profile: str) -> None:
        self._faults = faults
        self._profile = profile
        self._limits = limits

    async def before(self, call: str, stage: str, key: str) -> Response | None:
        """Apply the faults of a stage; return the response to send instead of doing the work."""
        self._limits.count_call(call, key)
        for current in ("call", stage):
            failure = await self._apply(
                current,
                stage,
                Response(),
                lambda fault: fault.name != "limits" or self._limits.is_exceeded(call, key),
            )
            if failure:
                return failure
        return None

    async def after(self, stage: str, call: str, answer: ApiResponse) -> Response:
        """Apply the faults of a stage to the answer of completed work."""
        return await self._apply(stage, call, answer.response()) or self.response(answer, call)

    def response(self, answer: ApiResponse, call: str = "") -> Response:
        """Create the response of an answer, with the faults of its content and its bytes.

        Args:
            answer: The answer.
            call: ``create`` or ``record`` for createTask and recordInfo, empty for other calls.
        """
        answer.call = call
        change_answer(answer, self._faults, self._profile)
        return change_bytes(self._faults, call, answer.response())

    async def _apply(
        self,
        stage: str,
        call: str,
        regular: Response,
        applies: Callable[[Fault], bool] | None = None,
    ) -> Response | None:
        """Run the handlers of a stage until one returns a response."""
        for fault in self._faults.take(stage, applies):
            handler = FAULT_HANDLERS[fault.name]
            if handler is None:
                await asyncio.sleep(fault.seconds)
                continue
            response = handler(fault, regular)
            if isinstance(response, ApiResponse):
                return self.response(response, call)
            return change_bytes(self._faults, call, response)
        return None


def _error(code: int, message: str, gateway_code: str | None = None) -> FaultHandler:
    """Return a handler that answers with an error, of the gateway if it has a `gateway_code`."""
    if gateway_code is None:
        return lambda _, __: ApiResponse.error(code, message)
    return lambda _, __: ApiResponse.gateway_error(code, message, gateway_code)


def _text(status: int, text: str, media_type: str = "text/html") -> FaultHandler:
    """Return a handler that answers with a text."""
    return lambda _, __: Response(text, status, media_type=media_type)


def _error_of_value(answer: Callable[[int, str], ApiResponse]) -> FaultHandler:
    """Return a handler that answers with the status in the fault's value."""
    return lambda fault, _: answer(int(fault.value), f"request failed ({fault.value})")


def _send_page(fault: Fault, _: Response) -> Response:
    """Answer with the HTML page of a proxy; a redirect leads to its login page."""
    status = int(fault.value)
    title = _PAGES.get(status, _FAILED_PROXY)
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    headers = {"Location": "/login"} if 300 <= status < 400 else None
    return Response(html, status, headers, "text/html")


def _reject_as_busy(fault: Fault, _: Response) -> ApiResponse:
    """Answer with 429 and, if the fault has a value, Retry-After in seconds or as a date."""
    answer = ApiResponse.gateway_error(429, _SATURATED)
    if fault.name.endswith("-date"):
        retry_at = min(time.time() + float(fault.value or 2), LAST_TIME_S)
        answer.headers["Retry-After"] = formatdate(retry_at, usegmt=True)
    elif fault.value:
        answer.headers["Retry-After"] = fault.value
    return answer


#: Handlers by fault; None only delays the response by the fault's seconds.
FAULT_HANDLERS: dict[str, FaultHandler | None] = {
    "key-revoked": _error(401, "invalid token"),
    "limits": _error(429, "Too many requests, please slow down."),
    "create-reset": lambda _, __: DroppedConnection(reset=True),
    "busy": _reject_as_busy,
    "busy-date": _reject_as_busy,
    "create-402": _error(402, "Credits insufficient: your balance is not enough for this request."),
    "create-403": _error(403, "This token has no access to the model."),
    "create-403-quota": _error(403, "用户额度不足, 剩余额度: $0.000000", "insufficient_user_quota"),
    "create-413": _error(413, "request body too large"),
    "create-422-moderated": _error(422, "The prompt was rejected by the content moderation."),
    "create-455": _error(455, "The service is under maintenance."),
    "create-500": _error(500, "internal task error"),
    "create-500-required": _error(500, "This field is required"),
    "create-502": _text(502, _PROXY_PAGE),
    "create-503": _error(503, _NO_CHANNEL, "model_not_found"),
    "create-error": _error_of_value(ApiResponse.task_error),
    "create-gateway-error": _error_of_value(ApiResponse.gateway_error),
    "create-slow": None,
    "create-lost": lambda _, __: DroppedConnection(),
    "create-half": lambda _, regular: TruncatedResponse(
        bytes(regular.body), regular.status_code, regular.headers
    ),
    "create-garbled": _text(200, _CUT_JSON, "application/json"),
    "create-no-id": lambda _, __: ApiResponse.success({}),
    "create-empty": _text(200, "", "application/json"),
    "create-created-500": _error(500, "upstream error: do request failed"),
    "create-page": _send_page,
    "record-slow": None,
    "record-busy": _reject_as_busy,
    "record-busy-date": _reject_as_busy,
    "record-500": _error(500, "could not query the task"),
    "record-502": _text(502, _PROXY_PAGE),
    "record-503": _error(503, "service temporarily unavailable"),
    "record-html": _text(200, _LOGIN_PAGE),
    "record-empty": _text(200, "", "application/json"),
    "record-broken": _text(200, _CUT_JSON, "application/json"),
    "record-page": _send_page,
    "record-error": _error_of_value(ApiResponse.task_error),
    "record-reset": lambda _, __: DroppedConnection(reset=True),
}
