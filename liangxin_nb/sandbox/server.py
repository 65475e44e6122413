"""The sandbox's HTTP face: both endpoints of the Market task API, and the result files.

Sources: the seed documents for recordInfo, LiangXin's model pages for createTask, its refusals
and both error envelopes.
"""

from __future__ import annotations

import json
import secrets
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .painter import paint
from .world import Drawing, Refusal, World

__all__ = ["application"]

_LARGEST_BODY = 32 << 20
_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def application(world: World, key: str, identity: str = "") -> Starlette:
    """The server for a world, taking one key; `identity` is told to whoever asks who it is."""

    async def create(request: Request) -> Response:
        world.calls["createTask"] += 1
        _authorize(request, key)
        body = await _body(request)
        task_id = await run_in_threadpool(world.create, key, body)
        return _answer({"taskId": task_id})

    async def record(request: Request) -> Response:
        world.calls["recordInfo"] += 1
        _authorize(request, key)
        origin = f"{request.url.scheme}://{request.url.netloc}"
        return _answer(world.record(key, request.query_params.get("taskId", ""), origin))

    async def file(request: Request) -> Response:
        world.calls["files"] += 1
        drawing = world.drawing(request.path_params["task"], request.path_params["name"])
        if drawing is None:
            return Response("no such file", 404, media_type="text/plain")
        return Response(await run_in_threadpool(_drawn, drawing), media_type=_TYPES[drawing.form])

    async def about(_: Request) -> Response:
        return JSONResponse(
            {"sandbox": identity, "created": world.created, "calls": dict(world.calls)}
        )

    return Starlette(
        routes=[
            Route("/api/v1/jobs/createTask", create, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", record, methods=["GET"]),
            Route("/files/{task}/{name}", file, methods=["GET"]),
            Route("/sandbox", about, methods=["GET"]),
        ],
        exception_handlers={Refusal: _refused},
    )


def _authorize(request: Request, key: str) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    good = scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), key.encode())
    if not good:
        raise Refusal(401, "invalid token")


async def _body(request: Request) -> Any:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST_BODY:
            raise Refusal(413, "request body too large")
        parts.append(part)
    try:
        return json.loads(b"".join(parts))
    except ValueError:
        raise Refusal(400, "invalid JSON body") from None


def _answer(data: Any, code: int = 200, message: str = "success") -> Response:
    return JSONResponse({"code": code, "msg": message, "data": data}, code)


async def _refused(_: Request, error: Exception) -> Response:
    """A refusal in its layer's envelope: the gateway's for keys, else the task's."""
    assert isinstance(error, Refusal)
    if error.code in (401, 403):
        said = {"message": error.message, "type": "new_api_error", "code": ""}
        return JSONResponse({"error": said}, error.code)
    return _answer(None, error.code, error.message)


@lru_cache(maxsize=8)
def _drawn(drawing: Drawing) -> bytes:
    return paint(drawing.prompt, seed=drawing.seed, size=drawing.size, form=drawing.form)
