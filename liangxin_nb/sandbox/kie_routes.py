"""What KIE has besides tasks: the balance, links that last a little longer, and uploads.

Sources: KIE's pages of the credits, of download-url and of the file upload.
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..core.media_types import suffix_of
from .envelopes import ApiResponse
from .fault_handlers import FaultPipeline
from .request_parsing import authorize, form, json_body, origin
from .state import SandboxState
from .uploads import kind_of
from .validation import RejectedRequestError

__all__ = ["KieRoutes"]

_LARGEST = 10 << 20  # above it, KIE's page says, no picture should come as base64


class KieRoutes:
    """The endpoints, for one world and one key."""

    def __init__(self, state: SandboxState, key: str, calls: FaultPipeline) -> None:
        self._state = state
        self._key = key
        self._calls = calls

    def routes(self) -> list[Route]:
        """Where they are: under the API's own address, uploads too."""
        return [
            Route("/api/v1/chat/credit", self.credit, methods=["GET"]),
            Route("/api/v1/common/download-url", self.link, methods=["POST"]),
            Route("/api/file-base64-upload", self.upload_base64, methods=["POST"]),
            Route("/api/file-stream-upload", self.upload_stream, methods=["POST"]),
            Route("/api/file-url-upload", self.upload_url, methods=["POST"]),
            Route("/uploads/{id}/{name}", self.uploaded, methods=["GET"]),
        ]

    async def credit(self, request: Request) -> Response:
        """What is left."""
        self._state.calls["credit"] += 1
        authorize(request, self._key)
        return self._calls.response(ApiResponse.success(self._state.balance()))

    async def link(self, request: Request) -> Response:
        """A link that lives for 20 minutes."""
        self._state.calls["download-url"] += 1
        authorize(request, self._key)
        url = _text(await json_body(request), "url")
        return self._calls.response(
            ApiResponse.success(self._state.long_lived_link(url, origin(request)))
        )

    async def upload_base64(self, request: Request) -> Response:
        """Keeps a file that comes within JSON."""
        self._begin(request)
        body = await json_body(request)
        given = _text(body, "base64Data")
        data = given.partition(",")[2] if given.startswith("data:") else given
        try:
            content = base64.b64decode(data, validate=True)
        except ValueError:
            raise RejectedRequestError(400, "base64Data is not base64") from None
        return self._keep(request, content, _text(body, "uploadPath"), _name(body))

    async def upload_stream(self, request: Request) -> Response:
        """Keeps a file that comes within a form."""
        self._begin(request)
        fields = await form(request)
        if "file" not in fields or "uploadPath" not in fields:
            raise RejectedRequestError(400, "file and uploadPath are required")
        (name, content), (_, path) = fields["file"], fields["uploadPath"]
        wished = fields.get("fileName", ("", b""))[1].decode("utf-8", "replace")
        return self._keep(request, content, path.decode("utf-8", "replace"), wished or name)

    async def upload_url(self, request: Request) -> Response:
        """Takes what lies here already: the sandbox connects to no other machine."""
        self._begin(request)
        body = await json_body(request)
        content = self._state.uploads.read(_text(body, "fileUrl"))
        if content is None:
            raise RejectedRequestError(
                400, "the sandbox fetches nothing: fileUrl is none of its own uploads"
            )
        return self._keep(request, content, _text(body, "uploadPath"), _name(body))

    async def uploaded(self, request: Request) -> Response:
        """An upload, to whoever has its address; nothing but a picture is shown by a browser."""
        content = self._state.uploads.read(request.url.path)
        if content is None:
            return Response("no such file", 404, media_type="text/plain")
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return Response(content, headers=safe, media_type=kind_of(content))

    def _begin(self, request: Request) -> None:
        self._state.calls["uploads"] += 1
        authorize(request, self._key)

    def _keep(self, request: Request, content: bytes, path: str, name: str) -> Response:
        if not content:
            raise RejectedRequestError(400, "the file is empty")
        if len(content) > _LARGEST:
            raise RejectedRequestError(413, "the file is larger than 10 MB")
        kind = kind_of(content)
        given = name or f"{secrets.token_hex(8)}.{suffix_of(kind)}"
        address = self._state.uploads.add(content, given)
        plain = address.rpartition("/")[2]
        told = {
            "fileName": plain,
            "filePath": f"{re.sub(r'[^A-Za-z0-9/._-]+', '-', path).strip('/')[:200]}/{plain}",
            "downloadUrl": f"{origin(request)}{address}",
            "fileSize": len(content),
            "mimeType": kind,
            "uploadedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        }
        answer = ApiResponse.success(told)
        answer.body = {"success": True, **answer.body, "msg": "File uploaded successfully"}
        return self._calls.response(answer)


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise RejectedRequestError(400, f"{name} is required")
    return value


def _name(body: Any) -> str:
    name = body.get("fileName", "")
    if not isinstance(name, str):
        raise RejectedRequestError(400, "fileName is invalid")
    return name
