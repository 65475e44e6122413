"""Download task outputs: streaming, resumable and limited in size.

Downloads never send the key, and reject private addresses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import stamina

from ..errors import APIConnectionError, ResultUnavailableError
from .addresses import NEXT_STEP, AddressCheck
from .encodings import decode_content, decode_data_url
from .transport import (
    CONNECT_S,
    build_connection_error,
    build_http_client,
    describe_error,
    is_retryable,
    parse_retry_after,
)

__all__ = ["MAX_BYTES", "Downloader"]

#: The maximum size of one output, in bytes.
MAX_BYTES = 512 << 20
_MAX_REDIRECTS = 5
_MAX_DURATION_S = 900.0  # seconds for one file, all attempts together
_EXPIRED = (401, 403, 404, 410)
_NOT_READY = (202, 204, 403, 404, 409, 425)  # what stores answer for a file that comes later


class Downloader:
    """Downloads outputs of the service at `base_url`; private addresses only if it has one."""

    def __init__(self, base_url: str, timeout: float) -> None:
        from .checked_connections import CheckedTransport  # loads httpcore

        self._addresses = AddressCheck(base_url)
        self._http = build_http_client(timeout, transport=CheckedTransport(self._addresses))
        self._start_limit_s = timeout + CONNECT_S

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def fetch(self, url: str, target: Path) -> str:
        """Download an output into a file; a data URL is decoded.

        An interrupted download continues where it stopped. Redirects are followed to public
        http(s) addresses only, unless the API itself has a private address.

        Args:
            url: The output's URL.
            target: The file, which is replaced.

        Returns:
            The Content-Type that the server declares, which may be wrong or empty; the type of
            the compressed file if its Content-Encoding cannot be decoded.

        Raises:
            ResultUnavailableError: If there is no file at the link (`retryable` if there may be
                one later), or its address is not allowed, or the output is larger than 512 MiB.
            APIConnectionError: If the download failed after several attempts.
        """
        target.unlink(missing_ok=True)
        url = url.strip()
        if url[:5].lower() == "data:":
            data, content_type = decode_data_url(url)
            await asyncio.to_thread(target.write_bytes, data)
            return content_type
        headers = httpx.Headers()
        try:
            async with asyncio.timeout(_MAX_DURATION_S):
                async for attempt in stamina.retry_context(
                    on=_is_connection_error, attempts=5, timeout=None
                ):
                    with attempt:
                        headers = await self._attempt(url, target)
        except TimeoutError:
            raise APIConnectionError(
                f"The result did not arrive within {_MAX_DURATION_S:.0f} s."
            ) from None
        encoded = ""
        if encoding := headers.get("content-encoding"):
            encoded = await asyncio.to_thread(decode_content, target, encoding, MAX_BYTES)
        return encoded or str(headers.get("content-type", ""))

    async def _attempt(self, url: str, target: Path) -> httpx.Headers:
        """Download once, from the end of the existing file if the server allows it."""
        offset = target.stat().st_size if target.exists() else 0
        try:
            async with self._open_stream(url, offset) as reply:
                await _write_stream(reply, target, offset)
                return reply.headers
        except httpx.InvalidURL:  # httpx parses the Location header, too
            raise ResultUnavailableError(
                "The result's link redirects to an invalid address.", next_step=NEXT_STEP
            ) from None
        except httpx.HTTPError as error:
            raise build_connection_error(
                f"The result could not be fetched from {error.request.url.host} "
                f"({describe_error(error)}).",
                error,
            ) from None

    @asynccontextmanager
    async def _open_stream(self, url: str, offset: int) -> AsyncIterator[httpx.Response]:
        """Follow the redirects; each URL is checked, and each address it is resolved to."""
        # Without compression, so that the number of bytes is the file's own.
        headers = {"Accept-Encoding": "identity"} | (
            {"Range": f"bytes={offset}-"} if offset else {}
        )
        target = self._addresses.check_url(url)
        for _ in range(_MAX_REDIRECTS + 1):
            request = self._http.build_request("GET", target, headers=headers)
            try:
                async with asyncio.timeout(self._start_limit_s):
                    reply = await self._http.send(request, stream=True)
            except TimeoutError:
                raise APIConnectionError("The result's server did not answer in time.") from None
            try:
                if not reply.has_redirect_location:
                    yield reply
                    return
                target = self._addresses.check_url(reply.headers["location"], target)
            finally:
                await reply.aclose()
        raise ResultUnavailableError(
            f"The result's link redirects more than {_MAX_REDIRECTS} times.", next_step=NEXT_STEP
        )


def _is_connection_error(error: Exception) -> bool:
    return isinstance(error, APIConnectionError) and is_retryable(error)


async def _write_stream(reply: httpx.Response, target: Path, offset: int) -> None:
    """Write a response to the file, after the bytes that it has already."""
    status = reply.status_code
    if status in (*_EXPIRED, *_NOT_READY):
        problem = "link has expired" if status in _EXPIRED else "file is not there yet"
        error = ResultUnavailableError(f"The result's {problem} (HTTP {status}).")
        error.retryable = status in _NOT_READY
        raise error
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
