"""Routes that only KIE has: balance, longer-lived links and uploads.

Source: KIE docs, credits, download-url and file upload.
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
from .request_parsing import authorize, form_data, json_body, origin
from .state import SandboxState
from .uploads import detect_media_type
from .validation import RejectedRequestError

__all__ = ["KieRoutes"]

_MAX_UPLOAD_BYTES = 10 << 20  # KIE docs, file upload: the limit of a picture sent as base64


class KieRoutes:
    """Endpoints of one sandbox that accepts one key."""

    def __init__(self, state: SandboxState, key: str, pipeline: FaultPipeline) -> None:
        self._state = state
        self._key = key
        self._pipeline = pipeline

    def routes(self) -> list[Route]:
        """Return the routes, all relative to the API's own address."""
        return [
            Route("/api/v1/chat/credit", self.get_balance, methods=["GET"]),
            Route("/api/v1/common/download-url", self.create_link, methods=["POST"]),
            Route("/api/file-base64-upload", self.upload_base64, methods=["POST"]),
            Route("/api/file-stream-upload", self.upload_stream, methods=["POST"]),
            Route("/api/file-url-upload", self.upload_url, methods=["POST"]),
            Route("/uploads/{id}/{name}", self.get_upload, methods=["GET"]),
        ]

    async def get_balance(self, request: Request) -> Response:
        """Answer with the remaining credits."""
        self._authorize(request, "credit")
        return self._pipeline.response(ApiResponse.success(self._state.balance()))

    async def create_link(self, request: Request) -> Response:
        """Answer with a link to a result that is valid for 20 minutes."""
        self._authorize(request, "download-url")
        url = self._state.long_lived_link(
            _required_text(await json_body(request), "url"), origin(request)
        )
        return self._pipeline.response(ApiResponse.success(url))

    async def upload_base64(self, request: Request) -> Response:
        """Save a file sent as base64 within JSON."""
        self._authorize(request, "uploads")
        body = await json_body(request)
        data = _required_text(body, "base64Data")
        if data.startswith("data:"):
            data = data.partition(",")[2]
        try:
            content = base64.b64decode(data, validate=True)
        except ValueError:
            raise RejectedRequestError(400, "base64Data is not base64") from None
        return self._save(request, content, body)

    async def upload_stream(self, request: Request) -> Response:
        """Save a file sent in a multipart form."""
        self._authorize(request, "uploads")
        fields = await form_data(request)
        file = fields.get("file")
        if not isinstance(file, tuple):
            raise RejectedRequestError(400, "file and uploadPath are required")
        name, content = file
        return self._save(request, content, {**fields, "fileName": fields.get("fileName") or name})

    async def upload_url(self, request: Request) -> Response:
        """Save a copy of an earlier upload; the sandbox connects to no other machine."""
        self._authorize(request, "uploads")
        body = await json_body(request)
        content = self._state.uploads.read(_required_text(body, "fileUrl"))
        if content is None:
            raise RejectedRequestError(
                400, "fileUrl is not an upload of this sandbox, which fetches no other URL"
            )
        return self._save(request, content, body)

    async def get_upload(self, request: Request) -> Response:
        """Serve an upload to any caller that has its URL."""
        content = self._state.uploads.read(request.url.path)
        if content is None:
            return Response("no such file", 404, media_type="text/plain")
        return Response(content, media_type=detect_media_type(content))

    def _authorize(self, request: Request, call: str) -> None:
        """Count a call and check its key."""
        self._state.calls[call] += 1
        authorize(request, self._key)

    def _save(self, request: Request, content: bytes, fields: Any) -> Response:
        """Save a file under the name and the path in the request's fields."""
        path = _required_text(fields, "uploadPath")
        name = fields.get("fileName", "")
        if not isinstance(name, str):
            raise RejectedRequestError(400, "fileName is invalid")
        if not content:
            raise RejectedRequestError(400, "the file is empty")
        if len(content) > _MAX_UPLOAD_BYTES:
            raise RejectedRequestError(413, "the file is larger than 10 MB")
        media_type = detect_media_type(content)
        name = name or f"{secrets.token_hex(8)}.{suffix_of(media_type)}"
        url_path = self._state.uploads.add(content, name)
        saved_name = url_path.rpartition("/")[2]
        upload = {
            "fileName": saved_name,
            "filePath": f"{re.sub(r'[^A-Za-z0-9/._-]+', '-', path).strip('/')[:200]}/{saved_name}",
            "downloadUrl": f"{origin(request)}{url_path}",
            "fileSize": len(content),
            "mimeType": media_type,
            "uploadedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        }
        answer = ApiResponse.success(upload)
        answer.body = {"success": True, **answer.body, "msg": "File uploaded successfully"}
        return self._pipeline.response(answer)


def _required_text(fields: Any, name: str) -> str:
    """Return a field that must be a text with content."""
    value = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise RejectedRequestError(400, f"{name} is required")
    return value
