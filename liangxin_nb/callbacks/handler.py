"""The request handler, for Jupyter's server and for the standalone server.

The body is read up to the size limit. The URL is removed from the request before it can be
logged, since it contains the callback token; also if it is not quite a callback URL.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import RequestHandler, stream_request_body

from .service import CallbackRequest, CallbackService
from .tokens import MAX_BODY_BYTES, PATTERN

__all__ = ["CallbackHandler", "CallbackPath"]

# With a token of 43 characters, since notebooks may be in a folder with this name. The distance is
# limited, so that the search in a long URL needs little time.
_SIMILAR = re.compile(r"liangxin/+callback/[^?]{0,40}?[a-z0-9_-]{43}", re.IGNORECASE)
_MAX_UNQUOTED = 3  # a proxy may quote a URL again


class CallbackPath(Matcher):
    """Matches callback URLs, and with an empty token every URL that contains one in part.

    Args:
        base: The path of the server, which ends with a slash.
    """

    def __init__(self, base: str = "/") -> None:
        self._exact = re.compile(re.escape(base) + PATTERN)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return the token as the only argument of the handler, None for another URL."""
        if found := self._exact.fullmatch(request.path):
            return {"path_args": [found[1].encode()]}
        uri = request.uri or ""
        for _ in range(_MAX_UNQUOTED):
            uri = unquote(uri)
        return {"path_args": [b""]} if _SIMILAR.search(uri) else None


@stream_request_body
class CallbackHandler(RequestHandler):
    """POST …/liangxin/callback/<token>; answers with a status and no body."""

    def initialize(self, service: CallbackService) -> None:
        """Set the service, and remove the URL from the request."""
        self._service = service
        self._chunks: list[bytes] = []
        self._size = 0
        self.request.uri = "/liangxin/callback/…"

    async def prepare(self) -> None:
        """Reject requests before their body arrives, if possible."""
        prepared = super().prepare()
        if prepared is not None:
            await prepared
        if self._finished or self.request.method != "POST":
            return
        length = self.request.headers.get("Content-Length", "0")
        size = int(length) if length.isascii() and length.isdigit() else 0
        if status := await self._service.precheck(self.path_args[0], size):
            self._end(status)

    def data_received(self, chunk: bytes) -> None:
        """Collect the body, up to the size limit."""
        self._size += len(chunk)
        if self._size <= MAX_BODY_BYTES:
            self._chunks.append(chunk)
        elif not self._finished:
            self._end(413)

    async def post(self, token: str) -> None:
        """Store the hint, or reject the request without effect."""
        request = CallbackRequest(token, self.request.headers, b"".join(self._chunks))
        self._end(await self._service.handle(request))

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer with the status alone."""
        self._end(status_code)

    def _end(self, status: int) -> None:
        self.set_status(status)
        self.finish()
