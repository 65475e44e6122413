"""Serve the result files of tasks, with the faults that are active."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from ..core.media_types import mime_type
from .faults import Fault
from .file_delivery import FileDelivery
from .file_faults import EXPIRED_LINK, FAULT_HANDLERS
from .state import SandboxState

__all__ = ["FileServer"]

#: Faults that do not apply to links with this query parameter.
_EXEMPTING_PARAMETER = {
    "file-redirect": "direct",
    "file-expired-once": "link",
    "file-aged": "until",
}


class FileServer:
    """Serves the results of a sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def serve(self, request: Request) -> Response:
        """Answer a request for ``/files/{token}/{name}``."""
        task_id = self._state.find_task_id(request.path_params["token"])
        name = request.path_params["name"]
        spec = self._state.drawing(task_id, name)
        if spec is None:
            return Response("no such file", 404, media_type="text/plain")
        link = _parse_number(request.query_params.get("link", "")) or 1
        valid_until = _parse_number(request.query_params.get("until", ""))
        if not self._state.is_link_valid(task_id, link, valid_until):
            return Response(EXPIRED_LINK, 403, media_type="application/xml")
        delivery = FileDelivery(request, spec, mime_type(spec.format))
        for fault in self._state.faults.take("file", lambda fault: _applies_to(fault, request)):
            if fault.name == "file-expired-once":
                self._state.expire_links(task_id)
            response = FAULT_HANDLERS[fault.name](delivery, fault)
            if response is not None:
                return response
        return await delivery.create_response()


def _parse_number(text: str) -> int | None:
    """Parse a query parameter, None if it is not a number."""
    return int(text) if re.fullmatch("[0-9]{1,12}", text) else None


def _applies_to(fault: Fault, request: Request) -> bool:
    """Return whether a fault applies to a request for a file."""
    if fault.name in _EXEMPTING_PARAMETER:
        return _EXEMPTING_PARAMETER[fault.name] not in request.query_params
    if fault.name == "file-cut-once":
        return fault.count_target(request.url.path) == 1
    if fault.name.startswith("file-late"):
        return fault.count_target(request.url.path) <= int(fault.value)
    if fault.name == "file-dead":
        number = request.path_params["name"].partition(".")[0]
        return number in fault.value.split("+")
    return True
