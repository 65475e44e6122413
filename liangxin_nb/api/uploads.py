"""Reference pictures on their way to a service that takes addresses only: uploaded before."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Iterable

import httpx
import stamina

from ..config.settings import Secret
from ..core.request import Request, Value
from ..errors import APIConnectionError, APIError, LiangxinError
from .codec import parse_upload, upload_body
from .transport import Transport, describe_error, parse_retry_after

__all__ = ["Uploader"]

_PICTURE = re.compile(r"data:image/[a-z+.-]+;base64,")  # not what a ledger tells of one
_PATH = "/api/file-base64-upload"
_FRESH = 3600.0  # seconds for which an address is used again; the service keeps files for a day
_MAX_REMEMBERED = 200
_NOTHING = "No task was created, nothing was billed."


class Uploader:
    """Uploads to one origin, with the key; the same picture once within an hour."""

    def __init__(self, origin: str, key: Secret, timeout: float) -> None:
        self._origin = Transport(origin, key, timeout)
        self._known: dict[str, tuple[float, str]] = {}
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Closes the connections."""
        await self._origin.close()

    async def upload_references(self, request: Request) -> Request:
        """The request with addresses in place of data URIs.

        Raises `APIError` or `APIConnectionError`, neither of which leaves a task behind.
        """
        pictures = {uri for value in request.options.values() for uri in _embedded_images(value)}
        if not pictures:
            return request
        async with self._lock:
            addresses = {uri: await self._upload_url(uri) for uri in sorted(pictures)}
        options = {
            name: _replace_images(value, addresses) for name, value in request.options.items()
        }
        return Request(request.model, request.prompt, options)

    async def _upload_url(self, uri: str) -> str:
        digest = hashlib.sha256(uri.encode()).hexdigest()
        at, url = self._known.get(digest, (0.0, ""))
        if not url or time.monotonic() - at > _FRESH:
            url = await self._send(uri)
            self._known[digest] = (time.monotonic(), url)
            for old in list(self._known)[:-_MAX_REMEMBERED]:
                del self._known[old]
        return url

    async def _send(self, uri: str) -> str:
        # An upload may be sent again: it is free, and no task comes of it.
        kind = uri.partition(";")[0].rpartition("/")[2]
        body = upload_body(uri, f"{secrets.token_hex(12)}.{'jpg' if kind == 'jpeg' else 'png'}")
        async for attempt in stamina.retry_context(on=_is_retryable, attempts=3, timeout=120):
            with attempt:
                return await self._attempt(body)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        try:
            reply = await self._origin.call("POST", _PATH, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise APIConnectionError(
                f"The reference picture could not be uploaded to {self._origin.host} "
                f"({describe_error(error)}). {_NOTHING}",
                next_step="Check the connection, or give the picture's own https URL.",
            ) from None
        try:
            return parse_upload(reply.status_code, reply.content, parse_retry_after(reply))
        except APIError as error:
            said = f"The reference picture could not be uploaded. {error.message} {_NOTHING}"
            error.message, error.args = said, (said,)
            raise


def _is_retryable(error: Exception) -> bool:
    return isinstance(error, LiangxinError) and error.retryable


def _embedded_images(value: Value) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return (one for one in values if isinstance(one, str) and _PICTURE.match(one))


def _replace_images(value: Value, addresses: dict[str, str]) -> Value:
    if isinstance(value, list):
        return [addresses.get(one, one) for one in value]
    return addresses.get(value, value) if isinstance(value, str) else value
