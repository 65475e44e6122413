"""The HTTP side of the Market task API: create, record, download. The one door to httpx.

The key goes into the header of calls to the API's own address and nowhere else: API calls follow
no redirect, and downloads use a second client that has never seen it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import stamina

from . import wire
from .errors import LiangxinError, ResultLost, Saturated, ServiceError, Unreachable
from .record import Record
from .request import Request
from .settings import Secret

__all__ = ["Client"]

# Some hosts of this API refuse clients that do not name themselves.
_AGENT = "Mozilla/5.0 (compatible; liangxin_nb/0.1)"
_TIMEOUT = httpx.Timeout(60.0, connect=10.0, pool=30.0)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LONGEST_PAUSE = 60.0
_LARGEST_FILE = 1 << 30
_LARGEST_ANSWER = 8 << 20
# The retry library reports through logging; without a handler that would end up in the cells.
logging.getLogger("stamina").addHandler(logging.NullHandler())
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Client:
    """Speaks to one service with one key; use it on the private loop alone."""

    def __init__(self, base_url: str, key: Secret) -> None:
        self.base_url = base_url
        self._key = key
        # A proxy meant for the outside world must not swallow calls to this machine.
        outside = urlsplit(base_url).hostname not in _LOOPBACK
        common: dict[str, Any] = {
            "timeout": _TIMEOUT,
            "headers": {"User-Agent": _AGENT},
            "trust_env": outside,
        }
        self._api = httpx.AsyncClient(follow_redirects=False, cookies=_no_cookies(), **common)
        self._files = httpx.AsyncClient(
            follow_redirects=True, max_redirects=5, cookies=_no_cookies(), **common
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes both connection pools."""
        await self._api.aclose()
        await self._files.aclose()

    async def create(self, request: Request) -> str:
        """Sends createTask and returns the task id.

        Sent again only when it provably did not arrive, or was refused with 429 and no task id;
        everything else that gives no id raises: `ServiceError` for a clear no, `Unreachable` with
        `maybe_created` when a task may exist all the same.
        """
        body = wire.create_body(request)
        async for attempt in stamina.retry_context(on=_resendable, attempts=4, timeout=90):
            with attempt:
                return await self._create_once(body)
        raise AssertionError("unreachable")

    async def _create_once(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        try:
            reply = await self._call("POST", "createTask", content=body, headers=headers)
        except _NOT_SENT as error:
            raise self._unreachable(error, maybe_created=False) from None
        except httpx.HTTPError as error:
            raise self._unreachable(error, maybe_created=True) from None
        try:
            return wire.created(reply.status_code, reply.content, _retry_after(reply))
        except ServiceError as error:
            raise _ambiguous(error) from None

    async def record(self, task_id: str) -> Record:
        """Asks recordInfo once; raises `ServiceError` or `Unreachable`."""
        try:
            reply = await self._call("GET", "recordInfo", params={"taskId": task_id})
        except httpx.HTTPError as error:
            raise self._unreachable(error, task_id=task_id) from None
        try:
            return wire.record(reply.status_code, reply.content, _retry_after(reply))
        except ServiceError as error:
            error.task_id = task_id
            raise

    async def download(self, url: str, target: Path) -> None:
        """Streams a result into a file; without the key, without cookies, at most 1 GiB.

        Raises `ResultLost` when the link is dead, `Unreachable` when it could not be fetched
        after several tries.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise ResultLost(f"The result's address {url[:80]!r} is not http or https.")
        async for attempt in stamina.retry_context(on=_transient, attempts=5, timeout=300):
            with attempt:
                await self._download_once(url, target)

    async def _download_once(self, url: str, target: Path) -> None:
        try:
            async with self._files.stream("GET", url) as reply:
                if reply.status_code in (403, 404, 410):
                    raise ResultLost(f"The result's link is dead (HTTP {reply.status_code}).")
                if reply.status_code != 200:
                    raise Unreachable(f"The result's server answered HTTP {reply.status_code}.")
                await _pour(reply.aiter_bytes(), target)
        except httpx.HTTPError as error:
            raise Unreachable(f"The result could not be fetched: {_reason(error)}.") from None

    async def _call(self, method: str, name: str, **more: Any) -> httpx.Response:
        headers = {**more.pop("headers", {}), "Authorization": f"Bearer {self._key.reveal()}"}
        url = f"{self.base_url}/api/v1/jobs/{name}"
        async with self._api.stream(method, url, headers=headers, **more) as reply:
            # A body without an end would otherwise fill the memory.
            size, parts = 0, []
            async for part in reply.aiter_bytes():
                size += len(part)
                parts.append(part)
                if size > _LARGEST_ANSWER:
                    raise httpx.DecodingError("the answer is longer than 8 MiB")
            return httpx.Response(reply.status_code, headers=_plain(reply), content=b"".join(parts))

    def _unreachable(
        self, error: httpx.HTTPError, *, maybe_created: bool = False, task_id: str | None = None
    ) -> Unreachable:
        host = urlsplit(self.base_url).netloc
        if maybe_created:
            return Unreachable(
                f"No answer from {host} ({_reason(error)}): a task may have been created, and may "
                "be billed.",
                maybe_created=True,
                next_step="It is not sent again by itself; look at the service's console first.",
            )
        sent = "" if task_id else " Nothing was sent, nothing was billed."
        return Unreachable(
            f"{host} cannot be reached ({_reason(error)}).{sent}",
            task_id=task_id,
            next_step="Check the address and the connection, then try again.",
        )


def _no_cookies() -> CookieJar:
    """A jar that takes nothing: no server is told again what another one set."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def _resendable(error: Exception) -> bool | float:
    """Whether a create may be sent again, and after how many seconds."""
    if isinstance(error, Saturated):
        return error.retry_after is None or min(max(error.retry_after, 0.1), _LONGEST_PAUSE)
    return isinstance(error, Unreachable) and not error.maybe_created


def _transient(error: Exception) -> bool:
    return isinstance(error, Unreachable)


def _ambiguous(error: ServiceError) -> LiangxinError:
    """A 5xx or an unreadable answer to a create says nothing about whether a task exists."""
    if error.number < 500:
        return error
    return Unreachable(
        f"{error.message} A task may have been created, and may be billed.",
        maybe_created=True,
        next_step="It is not sent again by itself; look at the service's console first.",
    )


async def _pour(chunks: AsyncIterator[bytes], target: Path) -> None:
    size = 0
    with target.open("wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > _LARGEST_FILE:
                raise ResultLost("The result is larger than 1 GiB and was not kept.")
            file.write(chunk)


def _plain(reply: httpx.Response) -> dict[str, str]:
    """The headers we read: the body is decoded already, so its encoding must not be told again."""
    value = reply.headers.get("retry-after")
    return {"retry-after": value} if value else {}


def _retry_after(reply: httpx.Response) -> float | None:
    """Seconds to wait, from a number or a date; None where the service asked for nothing."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _reason(error: Exception) -> str:
    """Why a connection failed, in a few words and without an address."""
    words: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "no connection within 10 s",
        httpx.ReadTimeout: "no answer within 60 s",
        httpx.ConnectError: "connection refused or host not found",
        httpx.TooManyRedirects: "too many redirects",
    }
    return words.get(type(error), " ".join(str(error).split())[:120] or type(error).__name__)
