"""The delivery of one result file: its content, encodings, ranges and pace."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..imaging import encode
from .film import encode_webm
from .outputs import DrawingSpec
from .painter import add_caption, paint

__all__ = ["FileDelivery", "draw", "send_bytewise", "send_endlessly", "send_half", "send_slowly"]

_SLOW_PARTS = 20
_BLOCK = bytes(256 << 10)

#: Creates the response from content, status and headers.
Sender = Callable[[bytes, int, dict[str, str]], Response]


@dataclass
class FileDelivery:
    """The delivery of one file; faults change its fields.

    Attributes:
        content: Returns what is sent instead of the drawing, None for the drawing.
        encoders: Change the bytes that are sent, such as to compressed ones.
        padding: Number of zeros that follow the content; they are never in memory at once.
    """

    request: Request
    spec: DrawingSpec
    media_type: str
    content: Callable[[], bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    sender: Sender = Response
    encoders: list[Callable[[bytes], bytes]] = field(default_factory=list)
    padding: int = 0

    async def create_response(self) -> Response:
        """Return the whole file, or the requested range."""
        content = await run_in_threadpool(self._encoded_content)
        headers = {
            **self.headers,
            "Content-Type": self.media_type,
            "Accept-Ranges": "bytes",
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        request_headers = self.request.headers
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request_headers.get("range", ""))
        if not match or request_headers.get("if-range", headers["ETag"]) != headers["ETag"]:
            return self._send(content, 200, headers, slice(0, len(content) + self.padding))
        size, start = len(content) + self.padding, int(match[1])
        end = min(int(match[2] or size), size - 1)
        if start > end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return self._send(content, 206, headers, slice(start, end + 1))

    def _encoded_content(self) -> bytes:
        """Return the content with all encodings."""
        content = self.content() if self.content else draw(self.spec)
        for encoder in self.encoders:
            content = encoder(content)
        return content

    def _send(
        self, content: bytes, status: int, headers: dict[str, str], part: slice[int, int, None]
    ) -> Response:
        """Send a part of the content and the padding."""
        if not self.padding:
            return self.sender(content[part], status, headers)
        headers["Content-Length"] = str(part.stop - part.start)
        return StreamingResponse(_padded_parts(content, part.start, part.stop), status, headers)


def _padded_parts(content: bytes, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes of a range of the content and the zeros that follow it."""
    first = content[start:stop]
    yield first
    remaining = stop - start - len(first)
    while remaining > 0:
        yield _BLOCK[:remaining]
        remaining -= len(_BLOCK)


@lru_cache(maxsize=8)
def draw(spec: DrawingSpec) -> bytes:
    """Return the encoded picture or film of a specification."""
    if spec.format == "webm":
        width, height = spec.size
        scale = min(2.0, 4096 / max(spec.size))  # larger than the film: the camera moves over it
        scene = replace(spec, format="webp", size=(int(width * scale), int(height * scale)))
        return encode_webm(draw(scene), spec.size, spec.seconds, add_caption)
    return paint(
        spec.prompt,
        seed=spec.seed,
        size=spec.size,
        image_format=spec.format,
        references=[picture for uri in spec.references if (picture := _decode_data_uri(uri))],
    )


def _decode_data_uri(uri: str) -> bytes:
    """Return the picture of a data URI, re-encoded; empty if it contains none."""
    try:
        return encode(base64.b64decode(uri.partition(",")[2], validate=True))[1]
    except ValueError:
        return b""


def send_slowly(seconds: float, content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Send the content in small parts over `seconds`."""

    async def parts() -> AsyncIterator[bytes]:
        """Yield what is sent at once."""
        size = len(content) // _SLOW_PARTS + 1
        for start in range(0, len(content), size):
            yield content[start : start + size]
            await asyncio.sleep(seconds / _SLOW_PARTS)

    return StreamingResponse(parts(), status, {**headers, "Content-Length": str(len(content))})


def send_endlessly(content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Send the content, then zeros until the client closes the connection."""

    async def parts() -> AsyncIterator[bytes]:
        """Yield what is sent at once."""
        yield content
        while True:
            yield _BLOCK
            await asyncio.sleep(0)

    return StreamingResponse(parts(), status, headers)


def send_bytewise(
    seconds: float, content: bytes, status: int, headers: Mapping[str, str]
) -> Response:
    """Send the content with `seconds` between two bytes."""

    async def parts() -> AsyncIterator[bytes]:
        """Yield what is sent at once."""
        for byte in content:
            yield bytes([byte])
            await asyncio.sleep(seconds)

    return StreamingResponse(parts(), status, {**headers, "Content-Length": str(len(content))})


def send_half(content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Send the first half without Content-Length, as if it were the whole file."""
    return StreamingResponse(iter([content[: len(content) // 2]]), status, headers)
