"""OpenAPI document of the sandbox, generated from the catalogue."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, product
from typing import Any

from .. import catalog

__all__ = ["openapi_document"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NON_EMPTY: Schema = {"type": "string", "minLength": 1, "pattern": r"\S"}
_TYPES: dict[str, Schema] = {
    "string": _TEXT,
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "strings": {"type": "array", "items": _NON_EMPTY},
}
_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "strings": ("minItems", "maxItems"),
}
_NULLABLE_TEXT: Schema = {"type": ["string", "null"]}
_INTEGER: Schema = {"type": "integer"}
_STATES = {"type": "string", "description": "waiting, queuing, generating, success or fail"}
_RECORD: Schema = {
    "type": "object",
    "required": ["taskId", "model", "state", "param", "createTime"],
    "properties": {
        **dict.fromkeys(("taskId", "model", "param"), _TEXT),
        "state": _STATES,
        **dict.fromkeys(("resultJson", "failCode", "failMsg"), _NULLABLE_TEXT),
        **dict.fromkeys(("costTime", "completeTime", "createTime", "updateTime"), _INTEGER),
        "creditsConsumed": {"type": "number"},
    },
}
_UPLOAD: Schema = {
    "type": "object",
    "required": ["downloadUrl"],
    "properties": dict.fromkeys(("fileName", "filePath", "downloadUrl", "mimeType"), _TEXT),
}
_UPLOAD_TARGET = {"uploadPath": _NON_EMPTY, "fileName": _TEXT}


@lru_cache(maxsize=4)
def openapi_document(profile: str, url: str) -> Schema:
    """Generate the document of a profile for a sandbox with a base URL."""
    title = {"kie": "KIE", "liangxin": "LiangXin"}[profile]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Sandbox of the Market task API of {title}",
            "version": "1",
            "description": "Drawings made on this machine; no model is run, nothing is billed.",
        },
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "paths": _task_paths(profile) | (_kie_paths() if profile == "kie" else {}),
    }


def _task_paths(profile: str) -> Schema:
    """Return the paths of the task API."""
    models = catalog.load_models(profile).values()
    request = {"oneOf": [_request(model, strict=profile == "kie") for model in models]}
    task_id: Schema = {"name": "taskId", "in": "query", "required": True, "schema": _NON_EMPTY}
    created = {"type": "object", "required": ["taskId"], "properties": {"taskId": _TEXT}}
    return {
        "/api/v1/jobs/createTask": {
            "post": _operation(profile, "createTask", created, (400, 401, 403, 413), request)
        },
        "/api/v1/jobs/recordInfo": {
            "get": {
                **_operation(profile, "recordInfo", _RECORD, (400, 401, 404)),
                "parameters": [task_id],
            }
        },
    }


def _kie_paths() -> Schema:
    """Return the paths that only KIE has."""

    def post(name: str, data: Schema, required: list[str], **properties: Schema) -> Schema:
        body = {"type": "object", "required": required, "properties": properties}
        return {"post": _operation("kie", name, data, (), body)}

    stream = post(
        "uploadStream", _UPLOAD, ["file", "uploadPath"],
        file={"type": "string", "format": "binary", "minLength": 1}, **_UPLOAD_TARGET,
    )  # fmt: skip
    content = stream["post"]["requestBody"]["content"]
    content["multipart/form-data"] = content.pop("application/json")
    return {
        "/api/v1/chat/credit": {"get": _operation("kie", "credit", {"type": "number"}, ())},
        "/api/v1/common/download-url": post("downloadUrl", _TEXT, ["url"], url=_NON_EMPTY),
        "/api/file-base64-upload": post(
            "uploadBase64",
            _UPLOAD,
            ["base64Data", "uploadPath"],
            base64Data=_NON_EMPTY,
            **_UPLOAD_TARGET,
        ),
        "/api/file-url-upload": post(
            "uploadUrl", _UPLOAD, ["fileUrl", "uploadPath"], fileUrl=_NON_EMPTY, **_UPLOAD_TARGET
        ),
        "/api/file-stream-upload": stream,
    }


def _operation(
    profile: str, name: str, data: Schema, errors: tuple[int, ...], body: Schema | None = None
) -> Schema:
    """Return an operation with the schemas of its request and its responses."""
    success = _envelope(data, {"const": 200})
    task_error = _envelope({"type": "null"}, {"type": "integer", "minimum": 400})
    if profile == "kie":  # answers errors with HTTP 200, too
        responses = {"200": _response("Success or error", {"anyOf": [success, task_error]})}
    else:
        error = {"anyOf": [task_error, _GATEWAY_ERROR]}
        responses = {"200": _response("Success", success)}
        responses |= {str(status): _response("Error", error) for status in errors}
    operation: Schema = {"operationId": name, "responses": responses}
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _envelope(data: Schema, code: Schema) -> Schema:
    """Return the envelope of the task API."""
    return {
        "type": "object",
        "required": ["code", "msg", "data"],
        "properties": {"code": code, "msg": _TEXT, "data": data},
    }


_GATEWAY_ERROR: Schema = {
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


def _response(description: str, schema: Schema) -> Schema:
    """Return a response with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _request(model: catalog.ModelSpec, *, strict: bool) -> Schema:
    """Return the body of a request for one model."""
    inputs = {name: _input(model, spec, strict=strict) for name, spec in model.inputs.items()}
    prompt = _input(model, model.prompt, strict=strict) if model.prompt else {}
    required = [name for name, spec in model.inputs.items() if spec.required]
    schema: Schema = {
        "type": "object",
        "required": ["prompt", *required],
        "properties": {"prompt": {**_NON_EMPTY, **prompt}, **inputs},
    }
    if strict or model.inputs_documented:
        schema["dependentRequired"] = {
            name: [other for other in group if other != name]
            for group in model.together
            for name in group
        }
    limits = [
        _media_limit(model, limit) for limit in model.media_limits if strict or limit.documented
    ]
    return {
        "title": model.title,
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"const": model.id},
            "callBackUrl": _TEXT,
            "input": {**schema, "allOf": limits} if limits else schema,
        },
    }


def _input(model: catalog.ModelSpec, spec: catalog.InputSpec, *, strict: bool) -> Schema:
    """Return one input with the limits that the sandbox checks."""

    def is_checked(limit: str) -> bool:
        return strict or (spec.documented and limit not in spec.undocumented_limits)

    if not (strict or spec.documented or spec.required):
        return {"description": spec.help} if spec.help else {}
    schema = {**_TYPES[spec.type]}
    if spec.help:
        schema["description"] = spec.help
    if spec.allowed and is_checked("allowed"):
        aliases = [alias for alias, value in model.aliases.items() if value in spec.allowed]
        schema["enum"] = [*spec.allowed, *aliases]
    for limit, keyword in zip(("minimum", "maximum"), _BOUNDS.get(spec.type, ()), strict=False):
        if (bound := getattr(spec, limit)) is not None and is_checked(limit):
            schema[keyword] = bound
    if spec.suffixes and is_checked("suffixes") and spec.type == "strings":
        schema["items"] = {"type": "string", "pattern": _suffix_pattern(spec.suffixes)}
    return schema


def _suffix_pattern(suffixes: tuple[str, ...]) -> str:
    """Return a case-insensitive pattern of URLs with a suffix and of data URIs of such types."""
    names = "|".join(
        "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in suffix.removeprefix("."))
        for suffix in suffixes
    )
    return rf"\.({names})(?![\s\S])|^data:image/({names})[;,]"


def _media_limit(model: catalog.ModelSpec, limit: catalog.MediaLimit) -> Schema:
    """Return a limit on the total number of pictures, as all combinations that reach it."""
    lists = [name for name in limit.inputs if model.inputs[name].type == "strings"]
    singles = [name for name in limit.inputs if name not in lists]
    combined = []
    for count in range(min(len(singles), limit.maximum) + 1):
        # At most `count` of the single inputs: no larger set of them is present.
        larger = [{"required": [*names]} for names in combinations(singles, count + 1)]
        bound: Schema = {"not": {"anyOf": larger}} if larger else {}
        for lengths in product(range(limit.maximum - count + 1), repeat=len(lists)):
            if sum(lengths) == limit.maximum - count:
                max_items = zip(lists, lengths, strict=True)
                properties = {name: {"maxItems": length} for name, length in max_items}
                combined.append({**bound, "properties": properties})
    return {"anyOf": combined}
