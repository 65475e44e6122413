"""A server that sends scripted bytes with pauses; for an event loop in virtual time.

The bytes pass through the whole HTTP client, but not through a socket, so that a response may
take hours in a moment.
"""

import asyncio

import httpcore

from liangxin_nb.api import Client
from liangxin_nb.config.settings import Secret

__all__ = ["ScriptedServer", "build_response"]

KEY = "sk-very-secret-0123456789"


def build_response(status, body=b"", headers=None, *, length=None):
    """Return the bytes of a response.

    `length` replaces the Content-Length; -1 leaves it out.
    """
    lines = [f"HTTP/1.1 {status} Any"]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedServer(httpcore.AsyncNetworkBackend):
    """Answers each connection with the next script; the last one is repeated.

    A script is a list of parts: bytes to send, seconds to pause, or an exception of httpcore to
    raise. At its end the connection is closed.

    Attributes:
        requests: What was received on each connection.
    """

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.requests = []

    def connect(self, timeout=60.0):
        """Return an API client of this server."""
        client = Client("http://127.0.0.1:1", Secret(KEY), timeout=timeout)
        for http in (*client._transport._clients.values(), client._downloader._http):
            http._transport._create_backend = lambda *_: self
        return client

    async def connect_tcp(self, *_, **__):
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if script and isinstance(script[0], httpcore.ConnectError):
            raise script[0]
        self.requests.append(bytearray())
        return ScriptedStream(list(script), self.requests[-1])

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class ScriptedStream(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, script, received):
        self._script = script
        self._received = received

    async def read(self, max_bytes, timeout=None):  # noqa: ASYNC109 (httpcore's name)
        limit = float("inf") if timeout is None else timeout
        while self._script:
            part = self._script.pop(0)
            if isinstance(part, Exception):
                raise part
            if isinstance(part, bytes):
                if len(part) > max_bytes:
                    self._script.insert(0, part[max_bytes:])
                if part:
                    return part[:max_bytes]
            elif part > limit:
                await asyncio.sleep(limit)
                raise httpcore.ReadTimeout("")
            else:
                await asyncio.sleep(part)
                limit -= part
        return b""

    async def write(self, buffer, timeout=None):  # noqa: ASYNC109
        self._received += buffer

    async def aclose(self):
        self._script.clear()

    def get_extra_info(self, info):
        return None
