"""Download task outputs: streaming, resumable and limited in size.

Downloads never send the key, and reject private addresses.
"""

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
from .transport import build_http_client, describe_error, is_retryable, parse_retry_after

__all__ = ["MAX_BYTES", "Downloader"]

#: The maximum size of one output, in bytes.
MAX_BYTES = 512 << 20
_MAX_REDIRECTS = 5
_MAX_DURATION_S = 900.0  # seconds for one file, all attempts together
_EXPIRED = (401, 403, 404, 410)


class Downloader:
    """Downloads outputs of the service at `base_url`; private addresses only if it has one."""

    def __init__(self, base_url: str, timeout: float) -> None:
        self._base_url = base_url
        self._http = build_http_client(base_url, timeout)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def fetch(self, url: str, target: Path) -> None:
        """Download an output into a file.

        An interrupted download continues where it stopped. Redirects are followed to public
        http(s) addresses only, unless the API itself has a private address.

        Args:
            url: The output's URL.
            target: The file, which is replaced.

        Raises:
            ResultUnavailableError: If the link has expired, or its address is not allowed, or the
                output is larger than 512 MiB.
            APIConnectionError: If the download failed after several attempts.
        """
        target.unlink(missing_ok=True)
        try:
            async with asyncio.timeout(_MAX_DURATION_S):
                async for attempt in stamina.retry_context(
                    on=is_retryable, attempts=5, timeout=None
                ):
                    with attempt:
                        await self._attempt(url, target)
        except TimeoutError:
            raise APIConnectionError(
                f"The result did not arrive within {_MAX_DURATION_S:.0f} s."
            ) from None

    async def _attempt(self, url: str, target: Path) -> None:
        """Download once, from the end of the existing file if the server allows it."""
        offset = target.stat().st_size if target.exists() else 0
        try:
            async with self._open_stream(url, offset) as reply:
                await _write_stream(reply, target, offset)
        except httpx.InvalidURL:
            raise ResultUnavailableError(
                "The result's link redirects to an invalid address."
            ) from None
        except httpx.HTTPError as error:
            raise APIConnectionError(
                f"The result could not be fetched ({describe_error(error)})."
            ) from None

    @asynccontextmanager
    async def _open_stream(self, url: str, offset: int) -> AsyncIterator[httpx.Response]:
        """Follow the redirects; check each address before it is requested."""
        # Without compression, so that the number of bytes is the file's own.
        headers = {"Accept-Encoding": "identity"} | (
            {"Range": f"bytes={offset}-"} if offset else {}
        )
        for _ in range(_MAX_REDIRECTS + 1):
            await self._check_address(url)
            async with self._http.stream("GET", url, headers=headers) as reply:
                if not reply.has_redirect_location:
                    yield reply
                    return
                url = str(reply.url.join(reply.headers["location"]))
        raise ResultUnavailableError(
            f"The result's link redirects more than {_MAX_REDIRECTS} times."
        )

    async def _check_address(self, url: str) -> None:
        """Raise `ResultUnavailableError` for an address that is not http(s), or is private."""
        parts = _split_url(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ResultUnavailableError(f"The result's address {url[:80]!r} is not http or https.")
        allowed = await _resolve_host(urlsplit(self._base_url).hostname or "")
        for address in await _resolve_host(parts.hostname):
            if not (address.is_global or address in allowed):
                raise ResultUnavailableError(
                    f"The result's address {url[:80]!r} is inside a private network; not fetched."
                )


async def _write_stream(reply: httpx.Response, target: Path, offset: int) -> None:
    """Write a response to the file, after the bytes that it has already."""
    status = reply.status_code
    if status in _EXPIRED:
        raise ResultUnavailableError(f"The result's link has expired (HTTP {status}).")
    if status == 416 and offset:
        target.unlink()
    if status not in (200, 206):
        pause = parse_retry_after(reply)
        note = f" and asked to wait {pause:.0f} s" if pause else ""
        raise APIConnectionError(f"The result's server answered HTTP {status}{note}.")
    content_range = reply.headers.get("content-range", "")
    if status == 206 and not content_range.startswith(f"bytes {offset}-"):
        target.unlink(missing_ok=True)
        raise APIConnectionError("The result's server sent another part than requested.")
    size = offset if status == 206 else 0
    with target.open("ab" if status == 206 else "wb") as file:
        async for chunk in reply.aiter_raw():
            size += len(chunk)
            if size > MAX_BYTES:
                raise ResultUnavailableError(f"The result is larger than {MAX_BYTES >> 20} MiB.")
            file.write(chunk)


def _split_url(url: str) -> urllib.parse.SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if the port is not a number
    except ValueError:
        return None
    return parts


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def _resolve_host(host: str) -> list[_Address]:
    """Return every address of a host; none if a proxy resolves names."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    if urllib.request.getproxies().get("https") or not host:
        return []
    loop = asyncio.get_running_loop()
    try:
        infos = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise APIConnectionError(f"The result's host {host[:80]!r} cannot be found.") from None
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in infos]
