"""The two calls of the Market task API: createTask and recordInfo."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import stamina

from ..errors import LiangxinError, Saturated, ServiceError, Unreachable
from ..record import Record
from ..request import Request
from ..settings import Secret
from ..wire import create_body, created, credit, without_capabilities
from ..wire import record as read_record
from ._base import Bearer, connections, reason, retry_after

__all__ = ["Calls", "Turns"]

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LONGEST_PAUSE = 60.0
_LARGEST_ANSWER = 8 << 20
_CONSOLE = "It is not sent again by itself; look at the service's console first."


class Turns(Protocol):
    """How often all who use this key may create (the budget knows)."""

    async def create(self) -> str:
        """Returns when one task may be created."""

    async def refused(self, call: str, seconds: float | None) -> None:
        """The service said 429, and for how long."""


class Calls:
    """Speaks to the API's own address with the key; follows no redirect."""

    def __init__(self, base_url: str, key: Secret, timeout: float) -> None:
        self._base_url = base_url
        self._key = key
        self._http = connections(base_url, timeout, Bearer(key))

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def create(
        self, request: Request, *, callback: str = "", turns: Turns | None = None
    ) -> str:
        """Sends createTask and returns the task id; see `Client.create`."""
        body = create_body(request, callback)
        async for attempt in stamina.retry_context(on=_resendable, attempts=4, timeout=90):
            with attempt:
                if turns and attempt.num > 1:
                    await turns.create()
                try:
                    return await self._create_once(body)
                except Saturated as error:
                    if turns:
                        await turns.refused("createTask", error.retry_after)
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _create_once(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        try:
            reply = await self._call("POST", "jobs/createTask", content=body, headers=headers)
        except _NOT_SENT as error:
            raise self._unreachable(error) from None
        except httpx.HTTPError as error:
            raise self._unanswered(error) from None
        try:
            return created(reply.status_code, reply.content, retry_after(reply))
        except ServiceError as error:
            raise _ambiguous(error) from None

    async def record(self, task_id: str) -> Record:
        """Asks recordInfo once; raises `ServiceError` or `Unreachable`."""
        try:
            reply = await self._call("GET", "jobs/recordInfo", params={"taskId": task_id})
        except httpx.HTTPError as error:
            raise self._unreachable(error, task_id) from None
        try:
            return read_record(reply.status_code, reply.content, retry_after(reply))
        except ServiceError as error:
            error.task_id = task_id
            raise

    async def credits(self) -> float:
        """Asks KIE's chat/credit once; raises `ServiceError` or `Unreachable`."""
        try:
            reply = await self._call("GET", "chat/credit")
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return credit(reply.status_code, reply.content, retry_after(reply))

    async def _call(self, method: str, name: str, **more: Any) -> httpx.Response:
        url = f"{self._base_url}/api/v1/{name}"
        async with self._http.stream(method, url, **more) as reply:
            # A body without an end would otherwise fill the memory.
            size, parts = 0, []
            async for part in reply.aiter_bytes():
                size += len(part)
                parts.append(part)
                if size > _LARGEST_ANSWER:
                    raise httpx.DecodingError("the answer is longer than 8 MiB")
            content = without_capabilities(self._without_key(b"".join(parts)))
            return httpx.Response(reply.status_code, headers=_plain(reply), content=content)

    def _without_key(self, content: bytes) -> bytes:
        """An answer that repeats the key would carry it into errors, the ledger and outputs."""
        return content.replace(self._key.reveal().encode(), repr(self._key).encode())

    def _unanswered(self, error: httpx.HTTPError) -> Unreachable:
        host = urlsplit(self._base_url).netloc
        said = f"No answer from {host} ({reason(error)}): a task may have been created"
        return Unreachable(f"{said}, and may be billed.", maybe_created=True, next_step=_CONSOLE)

    def _unreachable(self, error: httpx.HTTPError, task_id: str | None = None) -> Unreachable:
        host = urlsplit(self._base_url).netloc
        sent = "" if task_id else " Nothing was sent, nothing was billed."
        return Unreachable(
            f"{host} cannot be reached ({reason(error)}).{sent}",
            task_id=task_id,
            next_step="Check the address and the connection, then try again.",
        )


def _resendable(error: Exception) -> bool | float:
    """Whether a create may be sent again, and after how many seconds."""
    if isinstance(error, Saturated):
        return error.retry_after is None or min(max(error.retry_after, 0.1), _LONGEST_PAUSE)
    return isinstance(error, Unreachable) and not error.maybe_created


def _ambiguous(error: ServiceError) -> LiangxinError:
    """A 5xx or an unreadable answer to a create says nothing about whether a task exists."""
    if error.number < 500 or "required" in error.message:
        return error  # KIE says 500 for a missing field, too
    said = f"{error.message} A task may have been created, and may be billed."
    return Unreachable(said, maybe_created=True, next_step=_CONSOLE)


def _plain(reply: httpx.Response) -> dict[str, str]:
    """The headers we read: the body is decoded already, its encoding must not be told again."""
    value = reply.headers.get("retry-after")
    return {"retry-after": value} if value else {}
