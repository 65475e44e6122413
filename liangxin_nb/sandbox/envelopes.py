"""JSON envelopes of the API's answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.responses import Response

__all__ = ["ApiResponse"]


@dataclass
class ApiResponse:
    """A status, a JSON body, and additional headers.

    Attributes:
        call: ``create`` or ``record`` for an answer to createTask or recordInfo, else empty.
        text_changes: Changes of the encoded body.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    call: str = ""
    text_changes: list[Callable[[str], str]] = field(default_factory=list)

    @classmethod
    def success(cls, data: Any) -> Self:
        """Return a successful answer."""
        return cls(200, {"code": 200, "msg": "success", "data": data})

    @classmethod
    def task_error(cls, code: int, message: str) -> Self:
        """Return an error in the envelope of the task API."""
        return cls(code, {"code": code, "msg": message, "data": None})

    @classmethod
    def gateway_error(cls, status: int, message: str, code: str = "") -> Self:
        """Return an error in the envelope of the gateway, which checks keys and quotas."""
        return cls(status, {"error": {"message": message, "type": "new_api_error", "code": code}})

    @classmethod
    def error(cls, status: int, message: str, gateway_code: str = "") -> Self:
        """Return an error in the envelope that the service uses for this status."""
        if status in (401, 403):
            return cls.gateway_error(status, message, gateway_code)
        return cls.task_error(status, message)

    @property
    def data(self) -> dict[str, Any]:
        """The body's ``data``, empty if it is not an object."""
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    def response(self) -> Response:
        """Create the HTTP response."""
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        for change in self.text_changes:
            text = change(text)
        return Response(text, self.status, self.headers, media_type="application/json")
