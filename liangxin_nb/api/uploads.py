"""Upload reference images to a service that accepts only their URLs."""

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
from ..core.request import OptionValue, Request
from ..errors import APIError
from .codec import parse_upload, upload_body
from .transport import Transport, build_connection_error, describe_error, is_retryable

__all__ = ["Uploader"]

_DATA_URI = re.compile(r"data:image/[a-z+.-]+;base64,")  # complete, not as the ledger shortens it
_PATH = "/api/file-base64-upload"
_REUSE_S = 3600.0  # seconds for which an uploaded URL is used again; the service stores it a day
_MAX_CACHED = 200
_NOTHING_BILLED = "No task was created, nothing was billed."


class Uploader:
    """Uploads images to one origin with the key; the same image once within an hour."""

    def __init__(self, origin: str, key: Secret, timeout: float) -> None:
        self._transport = Transport(origin, key, timeout)
        self._cached: dict[str, tuple[float, str]] = {}
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def upload_references(self, request: Request) -> Request:
        """Upload the data URIs of a request.

        Args:
            request: A request; its options may contain images as data URIs.

        Returns:
            The request with URLs in their place.

        Raises:
            APIError: If the service rejected an upload. No task has been created.
            APIConnectionError: If there was no response. No task has been created.
        """
        uris = {uri for value in request.options.values() for uri in _find_data_uris(value)}
        if not uris:
            return request
        async with self._lock:
            urls = {uri: await self._upload_cached(uri) for uri in sorted(uris)}
        options = {name: _replace_uris(value, urls) for name, value in request.options.items()}
        return Request(request.model, request.prompt, options)

    async def _upload_cached(self, uri: str) -> str:
        digest = hashlib.sha256(uri.encode()).hexdigest()
        uploaded_at, url = self._cached.get(digest, (0.0, ""))
        if not url or time.monotonic() - uploaded_at > _REUSE_S:
            url = await self._upload(uri)
            self._cached[digest] = (time.monotonic(), url)
            for oldest in list(self._cached)[:-_MAX_CACHED]:
                del self._cached[oldest]
        return url

    async def _upload(self, uri: str) -> str:
        """Upload one image; repeated on errors, since an upload is free and creates no task."""
        subtype = uri.partition(";")[0].rpartition("/")[2]
        suffix = "jpg" if subtype == "jpeg" else "png"
        body = upload_body(uri, f"{secrets.token_hex(12)}.{suffix}")
        async for attempt in stamina.retry_context(on=is_retryable, attempts=3, timeout=120):
            with attempt:
                return await self._upload_once(body)
        raise AssertionError("the last attempt returns or raises")

    async def _upload_once(self, body: bytes) -> str:
        try:
            return parse_upload(*await self._transport.request("POST", _PATH, content=body))
        except httpx.HTTPError as error:
            raise build_connection_error(
                f"The reference picture could not be uploaded to {self._transport.host} "
                f"({describe_error(error)}). {_NOTHING_BILLED}",
                error,
                next_step="Try again, or pass the picture's own https URL.",
            ) from None
        except APIError as error:
            message = (
                f"The reference picture could not be uploaded. {error.message} {_NOTHING_BILLED}"
            )
            error.message, error.args = message, (message,)
            raise


def _find_data_uris(value: OptionValue) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return (item for item in values if isinstance(item, str) and _DATA_URI.match(item))


def _replace_uris(value: OptionValue, urls: dict[str, str]) -> OptionValue:
    if isinstance(value, list):
        return [urls.get(item, item) for item in value]
    return urls.get(value, value) if isinstance(value, str) else value
