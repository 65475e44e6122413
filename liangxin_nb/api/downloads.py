"""Fetching results: streamed, resumed, bounded; without the key, never from inside the house."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import stamina

from ..errors import APIConnectionError, ResultUnavailableError
from .transport import build_http_client, describe_error, parse_retry_after

__all__ = ["MAX_BYTES", "Downloader"]

#: Bytes of one result file at most.
MAX_BYTES = 512 << 20
_MAX_REDIRECTS = 5
_MAX_DURATION_S = 900.0  # seconds for one file, all tries together
_DEAD = (401, 403, 404, 410)


class Downloader:
    """Fetches results for a service at `base_url`; private addresses only where that is one."""

    def __init__(self, base_url: str, timeout: float) -> None:
        self._base_url = base_url
        self._http = build_http_client(base_url, timeout)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def fetch(self, url: str, target: Path) -> None:
        """Streams a result into a file; see `Client.download`."""
        target.unlink(missing_ok=True)
        try:
            async with asyncio.timeout(_MAX_DURATION_S):
                async for attempt in stamina.retry_context(
                    on=_is_retryable, attempts=5, timeout=None
                ):
                    with attempt:
                        await self._attempt(url, target)
        except TimeoutError:
            raise APIConnectionError(
                f"The result did not arrive within {_MAX_DURATION_S:.0f} s."
            ) from None

    async def _attempt(self, url: str, target: Path) -> None:
        """One try; what has arrived already is not asked for again where the server allows."""
        have = target.stat().st_size if target.exists() else 0
        try:
            async with self._open_stream(url, have) as reply:
                await self._write_stream(reply, target, have)
        except httpx.InvalidURL:
            raise ResultUnavailableError(
                "The result's link redirects to an address that is none."
            ) from None
        except httpx.HTTPError as error:
            raise APIConnectionError(
                f"The result could not be fetched ({describe_error(error)})."
            ) from None

    @asynccontextmanager
    async def _open_stream(self, url: str, have: int) -> AsyncIterator[httpx.Response]:
        """The reply at the end of the redirects, each hop checked before it is asked."""
        # Without compression, so that the number of bytes is the file's own.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        for _ in range(_MAX_REDIRECTS + 1):
            await self._check(url)
            async with self._http.stream("GET", url, headers=headers) as reply:
                if not reply.has_redirect_location:
                    yield reply
                    return
                url = str(reply.url.join(reply.headers["location"]))
        raise ResultUnavailableError(
            f"The result's link redirects more than {_MAX_REDIRECTS} times."
        )

    async def _check(self, url: str) -> None:
        """Raises `ResultUnavailableError` for an address that no result may come from."""
        parts = _split(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ResultUnavailableError(f"The result's address {url[:80]!r} is not http or https.")
        allowed = await _resolve_host(urlsplit(self._base_url).hostname or "")
        for address in await _resolve_host(parts.hostname):
            if not (address.is_global or address in allowed):
                raise ResultUnavailableError(
                    f"The result's address {url[:80]!r} is inside a private network; not fetched."
                )

    async def _write_stream(self, reply: httpx.Response, target: Path, have: int) -> None:
        status = reply.status_code
        if status in _DEAD:
            raise ResultUnavailableError(f"The result's link is dead (HTTP {status}).")
        if status == 416 and have:
            target.unlink()
        if status not in (200, 206):
            pause = (
                f" and asked to wait {parse_retry_after(reply):.0f} s"
                if parse_retry_after(reply)
                else ""
            )
            raise APIConnectionError(f"The result's server answered HTTP {status}{pause}.")
        continued = status == 206 and _resume_offset(reply, have)
        if status == 206 and not continued:
            target.unlink(missing_ok=True)
            raise APIConnectionError("The result's server sent another part than was asked for.")
        size = have if continued else 0
        with target.open("ab" if continued else "wb") as file:
            async for chunk in reply.aiter_raw():
                size += len(chunk)
                if size > MAX_BYTES:
                    raise ResultUnavailableError(
                        f"The result is larger than {MAX_BYTES >> 20} MiB."
                    )
                file.write(chunk)


def _is_retryable(error: Exception) -> bool:
    return isinstance(error, APIConnectionError)


def _split(url: str) -> urllib.parse.SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def _resume_offset(reply: httpx.Response, have: int) -> bool:
    told: str = reply.headers.get("content-range", "")
    return told.startswith(f"bytes {have}-")


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def _resolve_host(host: str) -> list[Address]:
    """Every address of a host; none where a proxy looks names up for us."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    if urllib.request.getproxies().get("https") or not host:
        return []
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise APIConnectionError(f"The result's host {host[:80]!r} cannot be found.") from None
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
