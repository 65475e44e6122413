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

from .envelopes import Answer
from .fault_handlers import Calls
from .faults import FaultError, Faults
from .files import Files
from .kie_routes import Extras
from .openapi import document
from .rate_limits import Limits
from .request_parsing import authorize, json_body, origin
from .state import World
from .validation import RejectedRequestError
from .webhooks import Caller

__all__ = ["application"]


def application(
    world: World, key: str, identity: str = "", caller: Caller | None = None
) -> Starlette:
    """The server for a world, taking one key; `identity` is told to whoever asks who it is."""
    face = _Face(world, key, identity, caller or Caller(world, key, None))
    return Starlette(
        routes=[
            Route("/api/v1/jobs/createTask", face.create, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", face.record, methods=["GET"]),
            Route("/files/{task}/{name}", face.file, methods=["GET"]),
            Route("/sandbox", face.about, methods=["GET"]),
            Route("/sandbox/faults", face.replace, methods=["PUT"]),
            Route("/openapi.json", face.document, methods=["GET"]),
            *face.extras,
        ],
        middleware=[Middleware(_Dated, faults=world.faults)],
        exception_handlers={RejectedRequestError: face.refused},
    )


class _Face:
    """The endpoints."""

    def __init__(self, world: World, key: str, identity: str, caller: Caller) -> None:
        self._world = world
        self._key = key
        self._identity = identity
        self._caller = caller
        self._limits = Limits()
        self._calls = Calls(world.faults, self._limits, world.profile)
        self._files = Files(world)
        self.extras = Extras(world, key, self._calls).routes() if world.profile == "kie" else []

    async def create(self, request: Request) -> Response:
        self._world.calls["createTask"] += 1
        authorize(request, self._key)
        body = await json_body(request)
        struck = await self._calls.before("createTask", "create", self._key)
        if struck:
            return struck
        task_id = await run_in_threadpool(self._world.create, self._key, body)
        self._caller.expect(task_id, origin(request))
        return await self._calls.after(
            "created", self._calls.response(Answer.good({"taskId": task_id}))
        )

    async def record(self, request: Request) -> Response:
        self._world.calls["recordInfo"] += 1
        authorize(request, self._key)
        struck = await self._calls.before("recordInfo", "record", self._key)
        if struck:
            return struck
        id = request.query_params.get("taskId", "")
        data = self._world.record(self._key, id, origin(request))
        return self._calls.response(Answer.good(data))

    async def file(self, request: Request) -> Response:
        self._world.calls["files"] += 1
        return await self._files.serve(request)

    async def about(self, _: Request) -> Response:
        return JSONResponse(
            {
                "sandbox": self._identity,
                "profile": self._world.profile,
                "created": self._world.created,
                "calls": dict(self._world.calls),
                "faults": self._world.faults.told(),
                "limits": self._limits.told(),
                "callbacks": self._caller.told(),
            }
        )

    async def replace(self, request: Request) -> Response:
        """Puts another set of faults in force, everything about faults counted from 0."""
        try:
            self._world.faults.replace(_named(await json_body(request)))
        except (FaultError, RejectedRequestError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._limits.reset()
        return await self.about(request)

    async def refused(self, _: Request, error: Exception) -> Response:
        """A refusal in its layer's envelope: the gateway's for keys, else the task's."""
        assert isinstance(error, RejectedRequestError)
        return self._calls.response(Answer.refusal(error.code, error.message, error.word))

    async def document(self, request: Request) -> Response:
        """What can be asked for here, as OpenAPI."""
        return JSONResponse(document(self._world.profile, origin(request)))


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
