"""The sandbox's HTTP face: the endpoints of the Market task API, the result files, its faults.

Sources: the seed documents for recordInfo, LiangXin's model pages for createTask, its refusals
and both error envelopes.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .envelopes import ApiResponse
from .fault_handlers import FaultPipeline
from .faults import FaultError, Faults
from .files import FileServer
from .kie_routes import KieRoutes
from .openapi import document
from .rate_limits import RateLimits
from .request_parsing import authorize, json_body, origin
from .state import SandboxState
from .validation import RejectedRequestError
from .webhooks import WebhookSender

__all__ = ["create_app"]


def create_app(
    state: SandboxState, key: str, identity: str = "", caller: WebhookSender | None = None
) -> Starlette:
    """The server for a world, taking one key; `identity` is told to whoever asks who it is."""
    face = _Routes(state, key, identity, caller or WebhookSender(state, key, None))
    return Starlette(
        routes=[
            Route("/api/v1/jobs/createTask", face.create, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", face.record, methods=["GET"]),
            Route("/files/{task}/{name}", face.file, methods=["GET"]),
            Route("/sandbox", face.status, methods=["GET"]),
            Route("/sandbox/faults", face.replace, methods=["PUT"]),
            Route("/openapi.json", face.document, methods=["GET"]),
            *face.extras,
        ],
        middleware=[Middleware(_Dated, faults=state.faults)],
        exception_handlers={RejectedRequestError: face.refused},
    )


class _Routes:
    """The endpoints."""

    def __init__(self, state: SandboxState, key: str, identity: str, caller: WebhookSender) -> None:
        self._state = state
        self._key = key
        self._identity = identity
        self._caller = caller
        self._limits = RateLimits()
        self._calls = FaultPipeline(state.faults, self._limits, state.profile)
        self._files = FileServer(state)
        self.extras = KieRoutes(state, key, self._calls).routes() if state.profile == "kie" else []

    async def create(self, request: Request) -> Response:
        self._state.calls["createTask"] += 1
        authorize(request, self._key)
        body = await json_body(request)
        struck = await self._calls.before("createTask", "create", self._key)
        if struck:
            return struck
        task_id = await run_in_threadpool(self._state.create, self._key, body)
        self._caller.schedule(task_id, origin(request))
        return await self._calls.after(
            "created", self._calls.response(ApiResponse.success({"taskId": task_id}))
        )

    async def record(self, request: Request) -> Response:
        self._state.calls["recordInfo"] += 1
        authorize(request, self._key)
        struck = await self._calls.before("recordInfo", "record", self._key)
        if struck:
            return struck
        id = request.query_params.get("taskId", "")
        data = self._state.record(self._key, id, origin(request))
        return self._calls.response(ApiResponse.success(data))

    async def file(self, request: Request) -> Response:
        self._state.calls["files"] += 1
        return await self._files.serve(request)

    async def status(self, _: Request) -> Response:
        return JSONResponse(
            {
                "sandbox": self._identity,
                "profile": self._state.profile,
                "created": self._state.task_count,
                "calls": dict(self._state.calls),
                "faults": self._state.faults.statistics(),
                "limits": self._limits.statistics(),
                "callbacks": self._caller.statistics(),
            }
        )

    async def replace(self, request: Request) -> Response:
        """Puts another set of faults in force, everything about faults counted from 0."""
        try:
            self._state.faults.replace(_named(await json_body(request)))
        except (FaultError, RejectedRequestError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._limits.reset()
        return await self.status(request)

    async def refused(self, _: Request, error: Exception) -> Response:
        """A refusal in its layer's envelope: the gateway's for keys, else the task's."""
        assert isinstance(error, RejectedRequestError)
        return self._calls.response(ApiResponse.error(error.code, error.message, error.word))

    async def document(self, request: Request) -> Response:
        """What can be asked for here, as OpenAPI."""
        return JSONResponse(document(self._state.profile, origin(request)))


class _Dated:
    """Tells the date in each answer, by the sandbox's clock."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(time.time() + self._faults.clock(), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, dated)


def _named(body: Any) -> list[str]:
    """The names in the body of a request for other faults."""
    texts = body.get("faults") if isinstance(body, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise FaultError('wanted: {"faults": ["name", "name:value", "name*times", ...]}')
    return texts
