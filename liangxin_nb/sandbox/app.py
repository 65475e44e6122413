"""HTTP application of the sandbox: the Market task API, result files and fault injection.

Source: LiangXin and KIE Market docs, createTask, recordInfo and their error envelopes.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access_key import prove
from .envelopes import ApiResponse
from .fault_handlers import FaultPipeline
from .faults import FaultError, Faults
from .files import FileServer
from .kie_routes import KieRoutes
from .openapi import openapi_document
from .rate_limits import RateLimits
from .request_guard import RequestGuard
from .request_parsing import authorize, json_body, origin
from .state import SandboxState
from .validation import RejectedRequestError
from .webhooks import WebhookSender

__all__ = ["create_app"]

_CREATE_PATH = "/api/v1/jobs/createTask"
_RECORD_PATH = "/api/v1/jobs/recordInfo"
#: The name of a call in the stages of faults, by path.
_CALLS = {_CREATE_PATH: "create", _RECORD_PATH: "record"}


def create_app(
    state: SandboxState,
    key: str,
    webhooks: WebhookSender | None = None,
    hosts: Collection[str] = (),
) -> Starlette:
    """Create the application of a sandbox.

    Faults that break connections need the ``uvicorn.Server`` as ``app.state.server``.

    Args:
        state: The tasks, faults and uploads.
        key: The only Bearer key that is accepted.
        webhooks: Sends the callbacks; by default a new sender that saves nothing.
        hosts: Values of the Host header that are accepted in addition to this machine's.

    Returns:
        The application.
    """
    routes = _Routes(state, key, webhooks or WebhookSender(state, key, None))
    return Starlette(
        routes=[
            Route(_CREATE_PATH, routes.create_task, methods=["POST"]),
            Route(_RECORD_PATH, routes.record_info, methods=["GET"]),
            Route("/files/{token}/{name}", routes.get_file, methods=["GET"]),
            Route("/sandbox", routes.get_status, methods=["GET"]),
            Route("/sandbox/identity", routes.get_identity, methods=["GET"]),
            Route("/sandbox/faults", routes.replace_faults, methods=["PUT"]),
            Route("/openapi.json", routes.get_document, methods=["GET"]),
            *routes.kie_routes,
        ],
        middleware=[
            Middleware(_DateHeader, faults=state.faults),
            Middleware(RequestGuard, hosts=hosts),
        ],
        exception_handlers={RejectedRequestError: routes.reject},
    )


class _Routes:
    """Endpoints of one sandbox."""

    def __init__(self, state: SandboxState, key: str, webhooks: WebhookSender) -> None:
        self._state = state
        self._key = key
        self._webhooks = webhooks
        self._limits = RateLimits()
        self._pipeline = FaultPipeline(state.faults, self._limits, state.profile)
        self._files = FileServer(state)
        is_kie = state.profile == "kie"
        self.kie_routes = KieRoutes(state, key, self._pipeline).routes() if is_kie else []

    async def create_task(self, request: Request) -> Response:
        """Create a task and return its id."""
        self._state.calls["createTask"] += 1
        authorize(request, self._key)
        body = await json_body(request)
        failure = await self._pipeline.before("createTask", "create", self._key)
        if failure:
            return failure
        task_id = await run_in_threadpool(self._state.create, self._key, body)
        self._webhooks.schedule(task_id, origin(request))
        answer = ApiResponse.success({"taskId": task_id})
        return await self._pipeline.after("created", "create", answer)

    async def record_info(self, request: Request) -> Response:
        """Return the record of a task."""
        self._state.calls["recordInfo"] += 1
        authorize(request, self._key)
        failure = await self._pipeline.before("recordInfo", "record", self._key)
        if failure:
            return failure
        task_id = request.query_params.get("taskId", "")
        data = self._state.record(self._key, task_id, origin(request))
        return self._pipeline.response(ApiResponse.success(data), "record")

    async def get_file(self, request: Request) -> Response:
        """Return a result file."""
        self._state.calls["files"] += 1
        return await self._files.serve(request)

    async def get_identity(self, request: Request) -> Response:
        """Return the proof that this process has the key."""
        nonce = request.query_params.get("nonce", "")
        return JSONResponse({"proof": prove(self._key, request.scope["server"][1], nonce)})

    async def get_status(self, request: Request) -> Response:
        """Return the counters."""
        authorize(request, self._key)
        return JSONResponse(
            {
                "profile": self._state.profile,
                "created": self._state.task_count,
                "calls": dict(self._state.calls),
                "faults": self._state.faults.statistics(),
                "limits": self._limits.statistics(),
                "callbacks": self._webhooks.statistics(),
            }
        )

    async def replace_faults(self, request: Request) -> Response:
        """Replace the active faults and reset their counters."""
        authorize(request, self._key)
        try:
            self._state.faults.replace(_parse_fault_names(await json_body(request)))
        except (FaultError, RejectedRequestError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._limits.reset()
        return await self.get_status(request)

    async def reject(self, request: Request, error: Exception) -> Response:
        """Return the error envelope for a rejected request."""
        assert isinstance(error, RejectedRequestError)
        return self._pipeline.response(
            ApiResponse.error(error.code, error.message, error.gateway_code),
            _CALLS.get(request.url.path, ""),
        )

    async def get_document(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return JSONResponse(openapi_document(self._state.profile, origin(request)))


class _DateHeader:
    """Middleware that sets the Date header from the sandbox's clock."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(time.time() + self._faults.clock_offset_s(), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, send_with_date)


def _parse_fault_names(body: Any) -> list[str]:
    """Return the fault names in the body of a request."""
    names = body.get("faults") if isinstance(body, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FaultError('expected {"faults": ["name", "name:value", "name*times", ...]}')
    return names
