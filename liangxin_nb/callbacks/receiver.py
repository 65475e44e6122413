"""A standalone callback server for use without Jupyter's server, on its own thread."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import Future
from typing import ClassVar

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from .._forks import keep_unused, renew_after_fork
from ..core.public import public
from ..errors import InvalidRequestError
from .handler import CallbackHandler, CallbackPath
from .hint_store import HintStore, to_store_error
from .service import CallbackService
from .signature import webhook_key
from .tokens import MAX_BODY_BYTES

__all__ = ["CallbackServer"]


@public
class CallbackServer:
    """Receives callbacks until `close()`; can be used in a `with` statement.

    Attributes:
        url: Its base address, for example as the target of a reverse proxy.
    """

    _open: ClassVar[list[CallbackServer]] = []

    def __init__(self, port: int = 0, address: str = "127.0.0.1") -> None:
        """Start the server.

        Args:
            port: The port; 0 for any free one.
            address: The address to listen on; default this machine only.

        Raises:
            InvalidRequestError: If the port or the folder for callbacks cannot be used.
        """
        try:
            service = CallbackService(HintStore(), webhook_key())
        except (OSError, sqlite3.Error) as error:
            raise to_store_error(error) from None
        try:
            self._sockets = bind_sockets(port, address)
        except (OSError, OverflowError) as error:
            raise InvalidRequestError(
                f"Port {port} of {address} cannot be used ({error}).",
                next_step="Choose another port, or 0 for any free one.",
            ) from None
        host = f"[{address}]" if ":" in address else address
        self.url: str = f"http://{host}:{self._sockets[0].getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve(service, ready)),
            name="liangxin-callbacks",
            daemon=True,
        )
        self._thread.start()
        ready.result()
        self._open.append(self)
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Leave the port to the parent process: a child does not keep it open."""
        keep_unused(self._loop)
        for socket in self._sockets:
            socket.close()

    @classmethod
    def latest(cls) -> str:
        """Return the address of this process's newest open server; empty if there is none."""
        return cls._open[-1].url if cls._open else ""

    async def _serve(self, service: CallbackService, ready: Future[None]) -> None:
        routes = [(CallbackPath(), CallbackHandler, {"service": service})]
        app = Application(routes, log_function=lambda _: None)
        server = HTTPServer(app, max_body_size=MAX_BODY_BYTES, idle_connection_timeout=60)
        server.add_sockets(self._sockets)
        ready.set_result(None)
        await self._closed.wait()
        server.stop()
        await server.close_all_connections()

    def close(self) -> None:
        """Stop the server; a second call does nothing."""
        if self in self._open:
            self._open.remove(self)
            self._loop.call_soon_threadsafe(self._closed.set)
            self._thread.join(5)

    def __enter__(self) -> CallbackServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<CallbackServer {self.url}>" if self in self._open else "<CallbackServer closed>"
