"""Serve the result files of tasks, with the faults that are active."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from struct import pack
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..core.media_types import mime_type
from ..imaging import encode
from .broken_connections import TruncatedResponse
from .faults import Fault
from .film import encode_webm
from .outputs import DrawingSpec
from .painter import add_caption, paint
from .state import SandboxState

__all__ = ["FileServer"]

_HTML = b"<!DOCTYPE html><html><body>This link is no longer available.</body></html>"
_EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_SLOW_PARTS = 20
_ENDLESS_BLOCK = bytes(256 << 10)
#: Faults that do not apply to links with this query parameter.
_EXEMPTING_PARAMETER = {
    "file-redirect": "direct",
    "file-expired-once": "link",
    "file-aged": "until",
}

#: Creates the response from content, status and headers.
Sender = Callable[[bytes, int, dict[str, str]], Response]


@dataclass
class FileDelivery:
    """The delivery of one file; faults change its fields.

    Attributes:
        content: Returns what is sent instead of the drawing, None for the drawing.
    """

    request: Request
    spec: DrawingSpec
    media_type: str
    content: Callable[[], bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    sender: Sender = Response

    async def create_response(self) -> Response:
        """Return the whole file, or the requested range."""
        content = await run_in_threadpool(self.content or partial(_draw, self.spec))
        headers = {
            **self.headers,
            "Content-Type": self.media_type,
            "Accept-Ranges": "bytes",
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        request_headers = self.request.headers
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request_headers.get("range", ""))
        if not match or request_headers.get("if-range", headers["ETag"]) != headers["ETag"]:
            return self.sender(content, 200, headers)
        size, start = len(content), int(match[1])
        end = min(int(match[2] or size), size - 1)
        if start > end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return self.sender(content[start : end + 1], 206, headers)


#: Returns the response to send instead of the file, or None after a change of the delivery.
FaultHandler = Callable[[FileDelivery, Fault], Response | None]


class FileServer:
    """Serves the results of a sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def serve(self, request: Request) -> Response:
        """Answer a request for ``/files/{task}/{name}``."""
        task_id, name = request.path_params["task"], request.path_params["name"]
        spec = self._state.drawing(task_id, name)
        if spec is None:
            return Response("no such file", 404, media_type="text/plain")
        link = _parse_number(request.query_params.get("link", "")) or 1
        valid_until = _parse_number(request.query_params.get("until", ""))
        if not self._state.is_link_valid(task_id, link, valid_until):
            return Response(_EXPIRED, 403, media_type="application/xml")
        delivery = FileDelivery(request, spec, mime_type(spec.format))
        for fault in self._state.faults.take("file", lambda fault: _applies_to(fault, request)):
            if fault.name == "file-expired-once":
                self._state.expire_links(task_id)
            response = FAULT_HANDLERS[fault.name](delivery, fault)
            if response is not None:
                return response
        return await delivery.create_response()


def _parse_number(text: str) -> int | None:
    """Parse a query parameter, None if it is not a number."""
    return int(text) if re.fullmatch("[0-9]{1,12}", text) else None


def _applies_to(fault: Fault, request: Request) -> bool:
    """Return whether a fault applies to a request for a file."""
    if fault.name in _EXEMPTING_PARAMETER:
        return _EXEMPTING_PARAMETER[fault.name] not in request.query_params
    return fault.name != "file-cut-once" or fault.is_first(request.url.path)


@lru_cache(maxsize=8)
def _draw(spec: DrawingSpec) -> bytes:
    """Return the encoded picture or film of a specification."""
    if spec.format == "webm":
        width, height = spec.size
        scale = min(2.0, 4096 / max(spec.size))  # larger than the film: the camera moves over it
        scene = replace(spec, format="webp", size=(int(width * scale), int(height * scale)))
        return encode_webm(_draw(scene), spec.size, spec.seconds, add_caption)
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


def _send_slowly(seconds: float, content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Send the content in small parts over `seconds`."""

    async def parts() -> AsyncIterator[bytes]:
        size = len(content) // _SLOW_PARTS + 1
        for start in range(0, len(content), size):
            yield content[start : start + size]
            await asyncio.sleep(seconds / _SLOW_PARTS)

    return StreamingResponse(parts(), status, {**headers, "Content-Length": str(len(content))})


def _send_endlessly(content: bytes, status: int, headers: dict[str, str]) -> Response:
    """Send the content, then zeros until the client closes the connection."""

    async def parts() -> AsyncIterator[bytes]:
        yield content
        while True:
            yield _ENDLESS_BLOCK
            await asyncio.sleep(0)

    return StreamingResponse(parts(), status, headers)


@lru_cache(maxsize=1)
def _create_bomb(side: int = 30_000) -> bytes:
    """Return a black PNG of `side` x `side` pixels with one bit each, compressed in parts."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))

    row, rows_per_part = bytes((side + 7) // 8 + 1), 100
    compressor = zlib.compressobj(9)
    parts = [compressor.compress(row * rows_per_part) for _ in range(side // rows_per_part)]
    header = pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", b"".join(parts) + compressor.flush())
        + chunk(b"IEND", b"")
    )


def _respond(status: int, text: str, media_type: str = "text/plain") -> FaultHandler:
    """Return a handler that answers with an error."""
    return lambda _, __: Response(text, status, media_type=media_type)


def _redirect(target: Callable[[Request], str]) -> FaultHandler:
    """Return a handler that redirects."""
    return lambda delivery, _: Response(
        status_code=302, headers={"Location": target(delivery.request)}
    )


def _change(**fields: Any) -> FaultHandler:
    """Return a handler that changes fields of the delivery."""

    def handle(delivery: FileDelivery, _: Fault) -> None:
        vars(delivery).update(fields)

    return handle


def _slow_down(delivery: FileDelivery, fault: Fault) -> None:
    """Send the file slowly."""
    delivery.sender = partial(_send_slowly, fault.seconds)


def _replace_format(delivery: FileDelivery, _: Fault) -> None:
    """Send another format than the name and the header state."""
    image_format = "jpeg" if delivery.spec.format == "webp" else "webp"
    delivery.spec = replace(delivery.spec, format=image_format)


FAULT_HANDLERS: dict[str, FaultHandler] = {
    "file-404": _respond(404, "no such file"),
    "file-403": _respond(403, _EXPIRED, "application/xml"),
    "file-410": _respond(410, "gone"),
    "file-500": _respond(500, "internal error"),
    "file-expired-once": _respond(403, _EXPIRED, "application/xml"),
    "file-aged": _respond(403, _EXPIRED, "application/xml"),
    "file-redirect": _redirect(lambda request: str(request.url.include_query_params(direct=1))),
    "file-redirect-evil": _redirect(lambda _: "http://169.254.169.254/latest/meta-data/"),
    "file-redirect-loop": _redirect(lambda request: str(request.url)),
    "file-redirect-scheme": _redirect(lambda _: "file:///etc/passwd"),
    "file-html": _change(content=lambda: _HTML),
    "file-empty": _change(content=bytes),
    "file-bomb": _change(content=_create_bomb),
    "file-wrong-type": _replace_format,
    "file-cookie": _change(headers={"Set-Cookie": "visitor=4711; Path=/"}),
    "file-truncated": _change(sender=TruncatedResponse),
    "file-cut-once": _change(sender=TruncatedResponse),
    "file-slow": _slow_down,
    "file-endless": _change(sender=_send_endlessly),
}
