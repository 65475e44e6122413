"""The handler without Jupyter's server: a small server of its own, on a thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import Future
from typing import ClassVar

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from ..core.public import public
from ..errors import InvalidRequestError
from .handler import CallbackHandler
from .hint_store import HintStore
from .service import CallbackService
from .signature import webhook_key
from .tokens import MAX_BODY_BYTES, PATTERN

__all__ = ["CallbackServer"]


@public
class CallbackServer:
    """Takes callbacks until `close()`. `url`: its base address, to put behind a public one.

    `port`: 0 for any free one; `address`: default this machine only. Raises `InvalidRequestError`
    when the port or the mailbox cannot be used.
    """

    _open: ClassVar[list[CallbackServer]] = []

    def __init__(self, port: int = 0, address: str = "127.0.0.1") -> None:
        self._service = CallbackService(_open_store(), webhook_key())
        try:
            self._sockets = bind_sockets(port, address)
        except (OSError, OverflowError) as error:
            raise InvalidRequestError(
                f"Port {port} of {address} cannot be listened on ({error}).",
                next_step="Choose another one, or 0 for any that is free.",
            ) from None
        host = f"[{address}]" if ":" in address else address
        self.url = f"http://{host}:{self._sockets[0].getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve(ready)),
            name="liangxin-callbacks",
            daemon=True,
        )
        self._thread.start()
        ready.result()
        self._open.append(self)

    @classmethod
    def latest(cls) -> str:
        """The address of the receiver that was opened last in this process, or an empty text."""
        return cls._open[-1].url if cls._open else ""

    async def _serve(self, ready: Future[None]) -> None:
        routes = [(f"/{PATTERN}", CallbackHandler, {"service": self._service})]
        app = Application(routes, log_function=lambda _: None)
        server = HTTPServer(app, max_body_size=MAX_BODY_BYTES, idle_connection_timeout=60)
        server.add_sockets(self._sockets)
        ready.set_result(None)
        await self._ended.wait()
        server.stop()
        await server.close_all_connections()

    def close(self) -> None:
        """Stops taking callbacks; a second time does nothing."""
        if self in self._open:
            self._open.remove(self)
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(5)

    def __enter__(self) -> CallbackServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Receiver {self.url}>" if self in self._open else "<Receiver closed>"


def _open_store() -> HintStore:
    try:
        return HintStore()
    except (OSError, sqlite3.Error) as error:
        raise InvalidRequestError(
            f"The mailbox for callbacks cannot be used ({error}).",
            next_step="Set LIANGXIN_CALLBACKS to a folder you can write to.",
        ) from None
