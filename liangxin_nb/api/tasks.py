"""The two calls of the Market task API: createTask and recordInfo."""

from __future__ import annotations

from typing import Protocol

import httpx
import stamina

from ..config.settings import Secret
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import APIConnectionError, APIError, LiangxinError, RateLimitError
from .codec import create_body, link_body, parse_balance, parse_create, parse_link
from .codec import parse_record as read_record
from .transport import Transport, describe_error, parse_retry_after

__all__ = ["RateLimiter", "TasksApi"]

_CREATE, _RECORD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
_CREDIT, _LINK = "/api/v1/chat/credit", "/api/v1/common/download-url"
_JSON = {"Content-Type": "application/json"}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LONGEST_PAUSE = 60.0
_CONSOLE = "It is not sent again by itself; look at the service's console first."


class RateLimiter(Protocol):
    """How often all who use this key may create (the budget knows)."""

    async def acquire_create(self) -> str:
        """Returns when one task may be created."""

    async def back_off(self, call: str, seconds: float | None) -> None:
        """The service said 429, and for how long."""


class TasksApi:
    """Speaks to the API's own address with the key; follows no redirect."""

    def __init__(self, base_url: str, key: Secret, timeout: float) -> None:
        self._transport = Transport(base_url, key, timeout)

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def create(
        self, request: Request, *, callback_url: str = "", limiter: RateLimiter | None = None
    ) -> str:
        """Sends createTask and returns the task id; see `Client.create`."""
        body = create_body(request, callback_url)
        async for attempt in stamina.retry_context(on=_is_resendable, attempts=4, timeout=90):
            with attempt:
                if limiter and attempt.num > 1:
                    await limiter.acquire_create()
                try:
                    return await self._create_once(body)
                except RateLimitError as error:
                    if limiter:
                        await limiter.back_off("createTask", error.retry_after)
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _create_once(self, body: bytes) -> str:
        try:
            reply = await self._transport.call("POST", _CREATE, content=body, headers=_JSON)
        except _NOT_SENT as error:
            raise self._connection_error(error) from None
        except httpx.HTTPError as error:
            raise self._no_answer_error(error) from None
        try:
            return parse_create(reply.status_code, reply.content, parse_retry_after(reply))
        except APIError as error:
            raise _ambiguous_answer_error(error) from None

    async def get_task(self, task_id: str) -> TaskRecord:
        """Asks recordInfo once; raises `APIError` or `APIConnectionError`."""
        try:
            reply = await self._transport.call("GET", _RECORD, params={"taskId": task_id})
        except httpx.HTTPError as error:
            raise self._connection_error(error, task_id) from None
        try:
            return read_record(reply.status_code, reply.content, parse_retry_after(reply))
        except APIError as error:
            error.task_id = task_id
            raise

    async def get_balance(self) -> float:
        """Asks KIE's chat/credit once; raises `APIError` or `APIConnectionError`."""
        try:
            reply = await self._transport.call("GET", _CREDIT)
        except httpx.HTTPError as error:
            raise self._connection_error(error) from None
        return parse_balance(reply.status_code, reply.content, parse_retry_after(reply))

    async def refresh_link(self, url: str) -> str:
        """Asks KIE's download-url once; raises `APIError` or `APIConnectionError`."""
        try:
            reply = await self._transport.call("POST", _LINK, content=link_body(url), headers=_JSON)
        except httpx.HTTPError as error:
            raise self._connection_error(error) from None
        return parse_link(reply.status_code, reply.content, parse_retry_after(reply))

    def _no_answer_error(self, error: httpx.HTTPError) -> APIConnectionError:
        said = (
            f"No answer from {self._transport.host} ({describe_error(error)}): a task may have "
            "been created"
        )
        return APIConnectionError(
            f"{said}, and may be billed.", maybe_created=True, next_step=_CONSOLE
        )

    def _connection_error(
        self, error: httpx.HTTPError, task_id: str | None = None
    ) -> APIConnectionError:
        sent = "" if task_id else " Nothing was sent, nothing was billed."
        return APIConnectionError(
            f"{self._transport.host} cannot be reached ({describe_error(error)}).{sent}",
            task_id=task_id,
            next_step="Check the address and the connection, then try again.",
        )


def _is_resendable(error: Exception) -> bool | float:
    """Whether a create may be sent again, and after how many seconds."""
    if isinstance(error, RateLimitError):
        return error.retry_after is None or min(max(error.retry_after, 0.1), _LONGEST_PAUSE)
    return isinstance(error, APIConnectionError) and not error.maybe_created


def _ambiguous_answer_error(error: APIError) -> LiangxinError:
    """A 5xx or an unreadable answer to a create says nothing about whether a task exists."""
    if error.number < 500 or "required" in error.message:
        return error  # KIE says 500 for a missing field, too
    said = f"{error.message} A task may have been created, and may be billed."
    return APIConnectionError(said, maybe_created=True, next_step=_CONSOLE)
