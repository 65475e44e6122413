"""Faults of the bytes of an API answer: compression, byte order mark and pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.responses import Response, StreamingResponse

from .broken_connections import TruncatedResponse
from .compression import compress, compress_twice, create_gzip_bomb
from .faults import Fault, Faults
from .file_delivery import send_bytewise

__all__ = ["WIRE_FAULTS", "change_bytes"]

WireFaultHandler = Callable[[Response, Fault], Response]


def change_bytes(faults: Faults, call: str, response: Response) -> Response:
    """Apply the faults of the bytes of a call's answer, ``create`` or ``record``."""
    current = [response]
    # An answer that is sent in parts or not at all has no bytes to change.
    for fault in faults.take(f"{call}-wire", lambda _: type(current[-1]) is Response):
        handler = WIRE_FAULTS[fault.name.removeprefix(f"{call}-")]
        current.append(handler(current[-1], fault))
    return current[-1]


def _headers(response: Response) -> dict[str, str]:
    """Return the headers of a response without the length of its body."""
    return {name: value for name, value in response.headers.items() if name != "content-length"}


def _recode(encode: Callable[[bytes], bytes], encoding: str = "") -> WireFaultHandler:
    """Return a handler that changes the body, and states the content encoding if it has one."""

    def handle(response: Response, _: Fault) -> Response:
        headers = _headers(response)
        if encoding:
            earlier = headers.get("content-encoding")
            headers["content-encoding"] = f"{earlier}, {encoding}" if earlier else encoding
        return Response(encode(bytes(response.body)), response.status_code, headers)

    return handle


def _send_spaces(response: Response, fault: Fault) -> Response:
    """Send one space every `fault.seconds` and never the answer."""

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(fault.seconds)

    return StreamingResponse(parts(), response.status_code, _headers(response))


def _send_bytewise(response: Response, fault: Fault) -> Response:
    """Send the answer with `fault.seconds` between two bytes."""
    return send_bytewise(
        fault.seconds, bytes(response.body), response.status_code, _headers(response)
    )


#: Handlers by the name of the fault without the call.
WIRE_FAULTS: dict[str, WireFaultHandler] = {
    "bom": _recode(lambda body: b"\xef\xbb\xbf" + body),
    "gzip": _recode(compress, "gzip"),
    "gzip-twice": _recode(compress_twice, "gzip, gzip"),
    "gzip-bomb": _recode(create_gzip_bomb, "gzip, gzip"),
    "cut": lambda response, _: TruncatedResponse(
        bytes(response.body), response.status_code, response.headers
    ),
    "dribble": _send_spaces,
    "trickle": _send_bytewise,
}
