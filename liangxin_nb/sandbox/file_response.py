"""A result file on its way: whole or in part as from a CDN, and the ways in which it is sent."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..imaging import encode
from .film import encode_webm
from .outputs import DrawingSpec
from .painter import captioned, paint

__all__ = ["FileResponse", "How", "endless_stream", "slow_stream"]

_DRIBBLES = 20
_ENDLESS_BLOCK = bytes(256 << 10)

#: How the bytes are sent: from content, status and headers to a response.
How = Callable[[bytes, int, dict[str, str]], Response]


@dataclass
class FileResponse:
    """One file on its way. `content`: what is sent instead of the drawing."""

    request: Request
    spec: DrawingSpec
    kind: str
    content: Callable[[], bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    how: How = Response

    async def response(self) -> Response:
        """The whole file, or the part that was asked for."""
        content = await run_in_threadpool(self.content or partial(_drawn, self.spec))
        asked = self.request.headers
        headers = {
            **self.headers,
            "Content-Type": self.kind,
            "Accept-Ranges": "bytes",
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("range", ""))
        if not part or asked.get("if-range", headers["ETag"]) != headers["ETag"]:
            return self.how(content, 200, headers)
        size, start = len(content), int(part[1])
        end = min(int(part[2] or size), size - 1)
        if start > end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return self.how(content[start : end + 1], 206, headers)


def slow_stream(seconds: float, content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Sends a little at a time, for `seconds` in all."""

    async def parts() -> AsyncIterator[bytes]:
        size = len(content) // _DRIBBLES + 1
        for start in range(0, len(content), size):
            yield content[start : start + size]
            await asyncio.sleep(seconds / _DRIBBLES)

    return StreamingResponse(parts(), status, {**headers, "Content-Length": str(len(content))})


def endless_stream(content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Sends the content and then zeros without an end."""

    async def parts() -> AsyncIterator[bytes]:
        yield content
        while True:
            yield _ENDLESS_BLOCK
            await asyncio.sleep(0)

    return StreamingResponse(parts(), status, headers)


@lru_cache(maxsize=8)
def _drawn(spec: DrawingSpec) -> bytes:
    if spec.format == "webm":
        width, height = spec.size
        wide = min(2.0, 4096 / max(spec.size))  # more than is seen at once: the camera moves
        scene = replace(spec, format="webp", size=(int(width * wide), int(height * wide)))
        return encode_webm(_drawn(scene), spec.size, spec.seconds, captioned)
    return paint(
        spec.prompt,
        seed=spec.seed,
        size=spec.size,
        form=spec.format,
        references=[data for uri in spec.references if (data := _picture(uri))],
    )


def _picture(uri: str) -> bytes:
    """The picture in a data URI, or nothing where it holds none."""
    try:
        return encode(base64.b64decode(uri.partition(",")[2], validate=True))[1]
    except ValueError:
        return b""
