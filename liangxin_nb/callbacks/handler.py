"""The one handler, for Jupyter's server and for a server of its own: reads a call, tells a status.

The body is read up to its bound and no further. The URL is taken out of the request before
anything can log it: whoever reads a log must not be able to call.
"""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler, stream_request_body

from .service import CallbackRequest, CallbackService
from .tokens import MAX_BODY_BYTES

__all__ = ["CallbackHandler"]


@stream_request_body
class CallbackHandler(RequestHandler):
    """POST …/liangxin/callback/<capability>; answers with a status and no body."""

    def initialize(self, service: CallbackService) -> None:
        """Takes the desk that all calls of this server come to."""
        self._service = service
        self._parts: list[bytes] = []
        self._size = 0
        self.request.uri = "/liangxin/callback/…"

    async def prepare(self) -> None:
        """Refuses what may not be read before its body arrives."""
        before = super().prepare()
        if before is not None:
            await before
        if self._finished or self.request.method != "POST":
            return
        length = self.request.headers.get("Content-Length", "0")
        announced = int(length) if length.isascii() and length.isdigit() else 0
        if refused := await self._service.precheck(self.path_args[0], announced):
            self._end(refused)

    def data_received(self, chunk: bytes) -> None:
        """Keeps a part of the body, within the bound."""
        self._size += len(chunk)
        if self._size <= MAX_BODY_BYTES:
            self._parts.append(chunk)
        elif not self._finished:
            self._end(413)

    async def post(self, capability: str) -> None:
        """Notes the hint, or refuses the call without effect."""
        request = CallbackRequest(capability, self.request.headers, b"".join(self._parts))
        self._end(await self._service.handle(request))

    def write_error(self, status_code: int, **_: Any) -> None:
        """No page and no words: no one reads them."""
        self._end(status_code)

    def _end(self, status: int) -> None:
        self.set_status(status)
        self.finish()
