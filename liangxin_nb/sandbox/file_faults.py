"""Faults of result files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .broken_connections import TruncatedResponse
from .compression import compress, compress_twice, create_gzip_bomb
from .faults import Fault
from .file_delivery import FileDelivery, draw, send_bytewise, send_endlessly, send_half, send_slowly
from .file_formats import FILE_FORMATS, create_png, webm_padding

__all__ = ["EXPIRED_LINK", "FAULT_HANDLERS"]

_HTML = b"<!DOCTYPE html><html><body>This link is no longer available.</body></html>"
EXPIRED_LINK = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

#: Returns the response to send instead of the file, or None after a change of the delivery.
FaultHandler = Callable[[FileDelivery, Fault], Response | None]

_create_bomb = lru_cache(maxsize=1)(partial(create_png, 30_000, 30_000))


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


def _set_cookie(delivery: FileDelivery, _: Fault) -> None:
    """Set a cookie."""
    delivery.headers = {**delivery.headers, "Set-Cookie": "visitor=4711; Path=/"}


def _slow_down(delivery: FileDelivery, fault: Fault) -> None:
    """Send the file slowly."""
    delivery.sender = partial(send_slowly, fault.seconds)


def _send_bytewise(delivery: FileDelivery, fault: Fault) -> None:
    """Send the file with `fault.seconds` between two bytes."""
    delivery.sender = partial(send_bytewise, fault.seconds)


def _replace_format(delivery: FileDelivery, _: Fault) -> None:
    """Send another format than the name and the header state."""
    image_format = "jpeg" if delivery.spec.format == "webp" else "webp"
    delivery.spec = replace(delivery.spec, format=image_format)


def _send_format(delivery: FileDelivery, fault: Fault) -> None:
    """Send a file of another format with its media type."""
    delivery.media_type, content = FILE_FORMATS[fault.value]
    delivery.content = content


def _send_film(delivery: FileDelivery, fault: Fault) -> None:
    """Send a film of a size in megabytes, most of which players skip."""
    delivery.media_type = "video/webm"
    delivery.padding = int(fault.value) * 1_000_000
    film = replace(delivery.spec, format="webm", size=(320, 180), seconds=1)
    delivery.content = lambda: draw(film) + webm_padding(delivery.padding)


def _encode(encoder: Callable[[bytes], bytes] | None, encoding: str) -> FaultHandler:
    """Return a handler that states a content encoding and applies it."""

    def handle(delivery: FileDelivery, _: Fault) -> None:
        earlier = delivery.headers.get("Content-Encoding")
        value = f"{earlier}, {encoding}" if earlier else encoding
        delivery.headers = {**delivery.headers, "Content-Encoding": value}
        delivery.encoders += [encoder] if encoder else []

    return handle


FAULT_HANDLERS: dict[str, FaultHandler] = {
    "file-404": _respond(404, "no such file"),
    "file-403": _respond(403, EXPIRED_LINK, "application/xml"),
    "file-410": _respond(410, "gone"),
    "file-500": _respond(500, "internal error"),
    "file-expired-once": _respond(403, EXPIRED_LINK, "application/xml"),
    "file-aged": _respond(403, EXPIRED_LINK, "application/xml"),
    "file-redirect": _redirect(lambda request: str(request.url.include_query_params(direct=1))),
    "file-redirect-evil": _redirect(lambda _: "http://169.254.169.254/latest/meta-data/"),
    "file-redirect-loop": _redirect(lambda request: str(request.url)),
    "file-redirect-scheme": _redirect(lambda _: "file:///etc/passwd"),
    "file-late": _respond(404, "no such file"),
    "file-late-403": _respond(403, EXPIRED_LINK, "application/xml"),
    "file-late-empty": _change(content=bytes),
    "file-dead": _respond(404, "no such file"),
    "file-html": _change(content=lambda: _HTML),
    "file-empty": _change(content=bytes),
    "file-bomb": _change(content=_create_bomb),
    "file-wrong-type": _replace_format,
    "file-as": _send_format,
    "file-film": _send_film,
    "file-no-type": _change(media_type="application/octet-stream"),
    "file-png-type": _change(media_type="image/png"),
    "file-gzip": _encode(compress, "gzip"),
    "file-gzip-twice": _encode(compress_twice, "gzip, gzip"),
    "file-gzip-bomb": _encode(create_gzip_bomb, "gzip, gzip"),
    "file-gzip-claimed": _encode(None, "gzip"),
    "file-short": _change(sender=send_half),
    "file-cookie": _set_cookie,
    "file-truncated": _change(sender=TruncatedResponse),
    "file-cut-once": _change(sender=TruncatedResponse),
    "file-slow": _slow_down,
    "file-dribble": _send_bytewise,
    "file-endless": _change(sender=send_endlessly),
}
