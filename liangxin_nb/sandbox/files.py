"""The result files, and what can go wrong with them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from struct import pack

from starlette.requests import Request
from starlette.responses import Response

from ..core.media_types import mime_type
from .broken_connections import TruncatedResponse
from .faults import Fault
from .file_response import FileResponse, How, endless_stream, slow_stream
from .state import SandboxState

__all__ = ["STEPS", "FileServer"]

_PAGE = b"<!DOCTYPE html><html><body>This link is no longer available.</body></html>"
_EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

#: Faults that leave links with this parameter alone.
_SPARED = {"file-redirect": "direct", "file-expired-once": "link", "file-aged": "until"}
#: What is sent instead, or None after a change to the delivery.
Step = Callable[[FileResponse, Fault], Response | None]


class FileServer:
    """Serves the drawings of a world."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def serve(self, request: Request) -> Response:
        """Answers for `/files/{task}/{name}`."""
        id, name = request.path_params["task"], request.path_params["name"]
        spec = self._state.drawing(id, name)
        if spec is None:
            return Response("no such file", 404, media_type="text/plain")
        link = _whole(request.query_params.get("link", "")) or 1
        if not self._state.link_lives(id, link, _whole(request.query_params.get("until", ""))):
            return _text_response(403, _EXPIRED, "application/xml")
        delivery = FileResponse(request, spec, mime_type(spec.format))
        for fault in self._state.faults.take("file", lambda fault: _fits(fault, request)):
            if fault.name == "file-expired-once":
                self._state.expire(id)
            instead = STEPS[fault.name](delivery, fault)
            if instead is not None:
                return instead
        return await delivery.response()


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,12}", text) else None


def _fits(fault: Fault, request: Request) -> bool:
    """Whether a request for a file is an occasion for the fault."""
    if fault.name in _SPARED:
        return _SPARED[fault.name] not in request.query_params
    return fault.name != "file-cut-once" or fault.first(request.url.path)


def _text_response(status: int, text: str, kind: str = "text/plain") -> Response:
    return Response(text, status, media_type=kind)


def _error_response(status: int, text: str, kind: str = "text/plain") -> Step:
    return lambda _, __: _text_response(status, text, kind)


def _moved(target: Callable[[Request], str]) -> Step:
    return lambda delivery, _: Response(
        status_code=302, headers={"Location": target(delivery.request)}
    )


def _holds(content: Callable[[], bytes]) -> Step:
    """Sends something else in the file's place, under its type."""

    def step(delivery: FileResponse, _: Fault) -> None:
        delivery.content = content

    return step


def _sent(how: How) -> Step:
    def step(delivery: FileResponse, _: Fault) -> None:
        delivery.how = how

    return step


def _dribbling(delivery: FileResponse, fault: Fault) -> None:
    delivery.how = partial(slow_stream, fault.seconds)


def _wrong_type(delivery: FileResponse, _: Fault) -> None:
    other = "jpeg" if delivery.spec.format == "webp" else "webp"
    delivery.spec = replace(delivery.spec, format=other)


def _cookie(delivery: FileResponse, _: Fault) -> None:
    delivery.headers["Set-Cookie"] = "visitor=4711; Path=/"


@lru_cache(maxsize=1)
def _bomb(side: int = 30_000) -> bytes:
    """A black PNG of `side` x `side` pixels, one bit each, made without ever holding it whole."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))

    rows, together = bytes((side + 7) // 8 + 1), 100
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(rows * together) for _ in range(side // together))
    header = pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", packed + packer.flush())
        + chunk(b"IEND", b"")
    )


STEPS: dict[str, Step] = {
    "file-404": _error_response(404, "no such file"),
    "file-403": _error_response(403, _EXPIRED, "application/xml"),
    "file-410": _error_response(410, "gone"),
    "file-500": _error_response(500, "internal error"),
    "file-expired-once": _error_response(403, _EXPIRED, "application/xml"),
    "file-aged": _error_response(403, _EXPIRED, "application/xml"),
    "file-redirect": _moved(lambda request: str(request.url.include_query_params(direct=1))),
    "file-redirect-evil": _moved(lambda _: "http://169.254.169.254/latest/meta-data/"),
    "file-redirect-loop": _moved(lambda request: str(request.url)),
    "file-redirect-scheme": _moved(lambda _: "file:///etc/passwd"),
    "file-html": _holds(lambda: _PAGE),
    "file-empty": _holds(bytes),
    "file-bomb": _holds(_bomb),
    "file-wrong-type": _wrong_type,
    "file-cookie": _cookie,
    "file-truncated": _sent(TruncatedResponse),
    "file-cut-once": _sent(TruncatedResponse),
    "file-slow": _dribbling,
    "file-endless": _sent(endless_stream),
}
