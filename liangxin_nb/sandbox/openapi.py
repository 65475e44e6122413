"""What can be asked of the sandbox, as an OpenAPI document made from the catalogue."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, product
from typing import Any

from .. import catalog

__all__ = ["document"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FILLED: Schema = {"type": "string", "minLength": 1, "pattern": r"\S"}
_TYPES: dict[str, Schema] = {
    "string": _TEXT,
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "strings": {"type": "array", "items": _FILLED},
}
_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "strings": ("minItems", "maxItems"),
}
_MAYBE: Schema = {"type": ["string", "null"]}
_WHOLE: Schema = {"type": "integer"}
_STATES = {"type": "string", "description": "waiting, queuing, generating, success or fail"}
_RECORD: Schema = {
    "type": "object",
    "required": ["taskId", "model", "state", "param", "createTime"],
    "properties": {
        **dict.fromkeys(("taskId", "model", "param"), _TEXT),
        "state": _STATES,
        **dict.fromkeys(("resultJson", "failCode", "failMsg"), _MAYBE),
        **dict.fromkeys(("costTime", "completeTime", "createTime", "updateTime"), _WHOLE),
        "creditsConsumed": {"type": "number"},
    },
}
_UPLOADED: Schema = {
    "type": "object",
    "required": ["downloadUrl"],
    "properties": dict.fromkeys(("fileName", "filePath", "downloadUrl", "mimeType"), _TEXT),
}
_PLACED = {"uploadPath": _FILLED, "fileName": _TEXT}


@lru_cache(maxsize=4)
def document(profile: str, url: str) -> Schema:
    """The document of a profile, for a sandbox at `url`."""
    title = {"kie": "KIE", "liangxin": "LiangXin"}[profile]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Sandbox of the Market task API, as {title} speaks it",
            "version": "1",
            "description": "Drawings made on this machine; no model is run, nothing is billed.",
        },
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "paths": _tasks(profile) | (_extras() if profile == "kie" else {}),
    }


def _tasks(profile: str) -> Schema:
    models = catalog.load_models(profile).values()
    wish = {"oneOf": [_wish(model, strict=profile == "kie") for model in models]}
    id: Schema = {"name": "taskId", "in": "query", "required": True, "schema": _FILLED}
    created = {"type": "object", "required": ["taskId"], "properties": {"taskId": _TEXT}}
    return {
        "/api/v1/jobs/createTask": {
            "post": _operation(profile, "createTask", created, (400, 401, 403, 413), wish)
        },
        "/api/v1/jobs/recordInfo": {
            "get": {
                **_operation(profile, "recordInfo", _RECORD, (400, 401, 404)),
                "parameters": [id],
            }
        },
    }


def _extras() -> Schema:
    def post(name: str, data: Schema, required: list[str], **properties: Schema) -> Schema:
        asked = {"type": "object", "required": required, "properties": properties}
        return {"post": _operation("kie", name, data, (), asked)}

    stream = post(
        "uploadStream", _UPLOADED, ["file", "uploadPath"],
        file={"type": "string", "format": "binary", "minLength": 1}, **_PLACED,
    )  # fmt: skip
    content = stream["post"]["requestBody"]["content"]
    content["multipart/form-data"] = content.pop("application/json")
    return {
        "/api/v1/chat/credit": {"get": _operation("kie", "credit", {"type": "number"}, ())},
        "/api/v1/common/download-url": post("downloadUrl", _TEXT, ["url"], url=_FILLED),
        "/api/file-base64-upload": post(
            "uploadBase64", _UPLOADED, ["base64Data", "uploadPath"], base64Data=_FILLED, **_PLACED
        ),
        "/api/file-url-upload": post(
            "uploadUrl", _UPLOADED, ["fileUrl", "uploadPath"], fileUrl=_FILLED, **_PLACED
        ),
        "/api/file-stream-upload": stream,
    }


def _operation(
    profile: str, name: str, data: Schema, refusals: tuple[int, ...], asked: Schema | None = None
) -> Schema:
    """One call: what it takes, what a yes holds, and how a no is said."""
    good = _envelope(data, {"const": 200})
    no = {"anyOf": [_envelope({"type": "null"}, {"type": "integer", "minimum": 400}), _GATEWAY]}
    if profile == "kie":  # where a no comes with HTTP 200, too
        replies = {"200": _reply("yes, or no by the code", {"anyOf": [good, no["anyOf"][0]]})}
    else:
        replies = {"200": _reply("yes", good)}
        replies |= {str(status): _reply("no", no) for status in refusals}
    operation: Schema = {"operationId": name, "responses": replies}
    if asked is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": asked}},
        }
    return operation


def _envelope(data: Schema, code: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["code", "msg", "data"],
        "properties": {"code": code, "msg": _TEXT, "data": data},
    }


_GATEWAY: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {"message": _TEXT, "type": _TEXT, "code": _TEXT},
        }
    },
}


def _reply(words: str, schema: Schema) -> Schema:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _wish(model: catalog.ModelSpec, *, strict: bool) -> Schema:
    """The body of a request for one model."""
    inputs = {name: _input(model, one, strict=strict) for name, one in model.inputs.items()}
    prompt = _input(model, model.prompt, strict=strict) if model.prompt else {}
    needed = [name for name, one in model.inputs.items() if one.required]
    given: Schema = {
        "type": "object",
        "required": ["prompt", *needed],
        "properties": {"prompt": {**_FILLED, **prompt}, **inputs},
    }
    if strict or model.inputs_documented:
        given["dependentRequired"] = {
            name: [other for other in group if other != name]
            for group in model.together
            for name in group
        }
    counted = [_counted(model, group) for group in model.media_limits if strict or group.documented]
    return {
        "title": model.title,
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"const": model.id},
            "callBackUrl": _TEXT,
            "input": {**given, "allOf": counted} if counted else given,
        },
    }


def _input(model: catalog.ModelSpec, input: catalog.InputSpec, *, strict: bool) -> Schema:
    """One input, with the limits to which the sandbox holds it."""

    def held(limit: str) -> bool:
        return strict or (input.documented and limit not in input.undocumented_limits)

    if not (strict or input.documented or input.required):
        return {"description": input.help} if input.help else {}
    schema = {**_TYPES[input.type]}
    if input.help:
        schema["description"] = input.help
    if input.allowed and held("allowed"):
        others = [alias for alias, own in model.aliases.items() if own in input.allowed]
        schema["enum"] = [*input.allowed, *others]
    for limit, word in zip(("minimum", "maximum"), _BOUNDS.get(input.type, ()), strict=False):
        if (bound := getattr(input, limit)) is not None and held(limit):
            schema[word] = bound
    if input.suffixes and held("suffixes") and input.type == "strings":
        schema["items"] = {"type": "string", "pattern": _ends(input.suffixes)}
    return schema


def _ends(endings: tuple[str, ...]) -> str:
    """Addresses that end so, and data URIs of those types, in capitals or not."""
    words = "|".join(
        "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in ending.removeprefix("."))
        for ending in endings
    )
    return rf"\.({words})(?![\s\S])|^data:image/({words})[;,]"


def _counted(model: catalog.ModelSpec, group: catalog.MediaLimit) -> Schema:
    """Pictures of several inputs counted together: each way to share out the places."""
    lists = [name for name in group.inputs if model.inputs[name].type == "strings"]
    singles = [name for name in group.inputs if name not in lists]
    ways = []
    for taken in range(min(len(singles), group.maximum) + 1):
        # At most so many of the single ones: no larger set of them is there.
        larger = [{"required": [*names]} for names in combinations(singles, taken + 1)]
        bound: Schema = {"not": {"anyOf": larger}} if larger else {}
        for shares in product(range(group.maximum - taken + 1), repeat=len(lists)):
            if sum(shares) == group.maximum - taken:
                most = zip(lists, shares, strict=True)
                held = {name: {"maxItems": share} for name, share in most}
                ways.append({**bound, "properties": held})
    return {"anyOf": ways}
