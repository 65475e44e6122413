"""Answers that end badly: connections reset, closed without a word, or in mid-sentence."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["DroppedConnection", "TrackingProtocol", "TruncatedResponse"]

_open: dict[tuple[str, int], asyncio.Transport] = {}


class TrackingProtocol(H11Protocol):
    """The web server's own protocol, which also keeps each connection at hand by its peer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Notes the connection."""
        super().connection_made(transport)
        if self.client:
            _open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        if self.client:
            _open.pop(self.client, None)
        super().connection_lost(exc)


class DroppedConnection(Response):
    """No answer at all. `reset`: as of a host that broke down, not of one that hung up."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Ends the connection."""
        await _hang_up(scope, receive, reset=self._reset)


class TruncatedResponse(Response):
    """An answer that ends in the middle of the body it announced."""

    def __init__(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(content, status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the first half, and ends the connection."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _hang_up(scope, receive)


async def _hang_up(scope: Scope, receive: Receive, *, reset: bool = False) -> None:
    transport = _open.get(tuple(scope["client"]))
    if transport is None:
        return  # the caller was quicker
    if reset:
        # With no time to linger the system says "reset" instead of an orderly end.
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
    else:
        transport.close()
    # Until the web server has noticed, it would take the silence for a mistake and answer 500.
    while (await receive())["type"] != "http.disconnect":
        pass
