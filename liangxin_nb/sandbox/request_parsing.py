"""Read what an API request carries: the key and the body."""

from __future__ import annotations

import json
import secrets
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from .validation import RejectedRequestError

__all__ = ["authorize", "form_data", "json_body", "origin"]

_MAX_BODY_BYTES = 32 << 20


def authorize(request: Request, key: str) -> None:
    """Check the Bearer key of a request.

    Raises:
        RejectedRequestError: If the request does not carry the key.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    matches = secrets.compare_digest(token.encode(), key.encode())
    if scheme.lower() != "bearer" or not matches:
        raise RejectedRequestError(401, "invalid token")


def origin(request: Request) -> str:
    """Return the scheme and authority under which the sandbox was called."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def json_body(request: Request) -> Any:
    """Parse the JSON body of a request.

    Raises:
        RejectedRequestError: If the body is larger than 32 MiB or is not valid JSON.
    """
    body = await _with_size_limit(request).body()
    try:
        value = json.loads(body, parse_float=_parse_number)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()  # rejects unpaired surrogates
        return value
    except (ValueError, RecursionError):
        raise RejectedRequestError(400, "invalid JSON body") from None


async def form_data(request: Request) -> dict[str, str | tuple[str, bytes]]:
    """Parse the form of a request.

    Returns:
        The value of each field; for a file, its name and its content.

    Raises:
        RejectedRequestError: If the body is larger than 32 MiB or is not a valid form.
    """
    try:
        async with _with_size_limit(request).form(max_files=1, max_fields=20) as form:
            return {
                name: (value.filename or "", await value.read())
                if isinstance(value, UploadFile)
                else value
                for name, value in form.items()
            }
    except (HTTPException, ValueError):  # older versions of starlette raise the parser's ValueError
        raise RejectedRequestError(400, "invalid form data") from None


def _parse_number(text: str) -> int | float:
    """Parse a JSON number; JSON does not distinguish 7.0 from 7."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _with_size_limit(request: Request) -> Request:
    """Return the same request with a limit on the size of its body."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > _MAX_BODY_BYTES:
            raise RejectedRequestError(413, "request body too large")
        return message

    return Request(request.scope, receive)
