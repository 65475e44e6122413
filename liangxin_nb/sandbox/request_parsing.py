"""What a call of the API brings along: the key, and a body."""

from __future__ import annotations

import email
import email.policy
import json
import secrets
from typing import Any

from starlette.requests import Request

from .validation import RejectedRequestError

__all__ = ["authorize", "form", "json_body", "origin"]

_LARGEST = 32 << 20


def authorize(request: Request, key: str) -> None:
    """Raises `RejectedRequestError` unless the request carries the key."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    good = secrets.compare_digest(given.encode(), key.encode())
    if scheme.lower() != "bearer" or not good:
        raise RejectedRequestError(401, "invalid token")


def origin(request: Request) -> str:
    """The address under which the sandbox was called."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def json_body(request: Request) -> Any:
    """The JSON of a request; raises `RejectedRequestError` for one too large, or none."""
    body = await _body(request)
    try:
        read = json.loads(body, parse_float=_number)
        if b"\\u" in body:
            json.dumps(read, ensure_ascii=False).encode()  # half of a pair is no text
        return read
    except (ValueError, RecursionError):
        raise RejectedRequestError(400, "invalid JSON body") from None


async def form(request: Request) -> dict[str, tuple[str, bytes]]:
    """The fields of a multipart form: for each the file's name, if it has one, and its bytes."""
    kind = request.headers.get("content-type", "")
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    parts = email.message_from_bytes(head + await _body(request), policy=email.policy.HTTP)
    if parts.get_content_type() != "multipart/form-data" or not parts.is_multipart():
        raise RejectedRequestError(400, "a multipart form is required")
    fields = {}
    for part in parts.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = (part.get_filename() or "", content)
    return fields


def _number(text: str) -> int | float:
    """JSON knows one kind of number: 7.0 is 7."""
    value = float(text)
    return int(value) if value.is_integer() else value


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST:
            raise RejectedRequestError(413, "request body too large")
        parts.append(part)
    return b"".join(parts)
