"""Responses that end with a broken connection: reset, closed, or truncated."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .._compat import connection_transport

__all__ = ["DroppedConnection", "TruncatedResponse"]


class DroppedConnection(Response):
    """Closes the connection without an answer.

    Args:
        reset: Send a TCP reset, as after a crash of the host, instead of an orderly close.
    """

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Close the connection."""
        await _close_connection(scope, receive, reset=self._reset)


class TruncatedResponse(Response):
    """Sends half of the announced body and closes the connection."""

    def __init__(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(content, status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first half and close the connection."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _close_connection(scope, receive)


async def _close_connection(scope: Scope, receive: Receive, *, reset: bool = False) -> None:
    """Close the connection of a request and wait until the web server has noticed."""
    transport = connection_transport(scope["app"].state.server, tuple(scope["client"]))
    if transport is None:
        return  # the client has closed it
    if reset:
        # Without time to linger the system sends a reset instead of an orderly close.
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
    else:
        transport.close()
    # Returning earlier would be answered with 500: the server has seen no complete response.
    while (await receive())["type"] != "http.disconnect":
        pass
