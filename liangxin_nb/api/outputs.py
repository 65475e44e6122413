"""Read the outputs of a finished task, in all shapes in which services name them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from ..core.task import TaskOutput
from .tolerant_json import UNREADABLE, decode_nested, read_json

__all__ = ["parse_outputs"]

_MAX_DEPTH = 6
_MAX_OUTPUTS = 100
_URL_TEXT = re.compile(r"https?://[^\s\"'<>\\]{1,4000}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]{64,}+={0,2}\s*")
_BASE64_TYPES = {
    "iVBOR": "image/png", "/9j/": "image/jpeg", "R0lG": "image/gif", "UklGR": "image/webp",
    "SUQz": "audio/mpeg", "T2dn": "audio/ogg",
}  # fmt: skip
#: Fields in the order of their outputs; spelled without underscores, in lower case.
_PRIMARY = (
    "resulturls", "resulturl", "urls", "url", "images", "videos", "audios", "data", "result",
    "results", "response", "output", "outputs", "videourl", "audiourl", "imageurl", "imageurls",
    "videourls", "audiourls", "image", "video", "audio", "b64json", "base64",
)  # fmt: skip
_SECONDARY = ("firstframeurl", "lastframeurl", "coverurl", "thumbnailurl")
_BASE64_FIELDS = ("b64json", "base64")
_COVER = "imageurl"  # the cover of a song or a film, if there is one in the same object


def parse_outputs(value: Any, origin: str = "") -> tuple[TaskOutput, ...]:
    """Parse `resultJson`.

    Args:
        value: An object, or JSON of an object, encoded once or several times.
        origin: The API's address, for links without a host.

    Returns:
        The outputs without duplicates: results, then accompanying ones, then a text. If no shape
        fits, every http(s) URL in the value is an output.
    """
    result = decode_nested(value) if isinstance(value, str) else value
    if result is None and isinstance(value, str):
        result = value
    found = list(_find_outputs(result, origin, 0))
    primary = [output for output in found if not output.is_secondary]
    secondary = [output for output in found if output.is_secondary]
    if not found:
        primary = [TaskOutput.from_url(url) for url in _find_urls(value)]
    if text := _find_text(result):
        secondary.append(TaskOutput("", "text", text))
    unique = {output.url + output.text: output for output in reversed(primary + secondary)}
    return tuple(reversed(unique.values()))[:_MAX_OUTPUTS]


def _find_outputs(value: Any, origin: str, depth: int) -> Iterator[TaskOutput]:
    """Yield the outputs in a value of any shape."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from _read_text(value.strip(), origin, depth)
    elif isinstance(value, list):
        for item in value:
            yield from _find_outputs(item, origin, depth + 1)
    elif isinstance(value, dict):
        fields = {
            str(name).replace("_", "").lower(): item for name, item in reversed(value.items())
        }
        is_cover = "audiourl" in fields or "videourl" in fields
        for name in (*_PRIMARY, *_SECONDARY):
            is_secondary = name in _SECONDARY or (name == _COVER and is_cover)
            item = fields.get(name)
            if name in _BASE64_FIELDS and isinstance(item, str) and item:
                item = _to_data_url(item)
            for output in _find_outputs(item, origin, depth + 1):
                yield replace(output, is_secondary=is_secondary or output.is_secondary)


def _read_text(text: str, origin: str, depth: int) -> Iterator[TaskOutput]:
    """Yield the output that a text names: a link, the file itself, or JSON of them."""
    if text[:1] in ("{", "[", '"'):
        nested = read_json(text)
        if nested is not UNREADABLE:
            yield from _find_outputs(nested, origin, depth + 1)
    elif text[:5].lower() == "data:":
        kind = text[5:].partition("/")[0].lower()
        yield TaskOutput(text, kind if kind in ("image", "video", "audio", "text") else "file")
    elif _SCHEME.match(text):
        yield TaskOutput.from_url(text)
    elif _BASE64.fullmatch(text) and not text.startswith(("//", "/api", "/file")):
        yield from _read_text(_to_data_url(text), origin, depth)
    elif text.startswith("//"):
        yield TaskOutput.from_url(f"{origin.partition(':')[0] or 'https'}:{text}")
    elif origin and ("/" in text or "." in text) and " " not in text:
        yield TaskOutput.from_url(urljoin(f"{origin}/", text))


def _to_data_url(text: str) -> str:
    """Return a data URL for base64 without one; the type is guessed from its beginning."""
    text = "".join(text.split())
    if text[:5].lower() == "data:":
        return text
    types = (mime for start, mime in _BASE64_TYPES.items() if text.startswith(start))
    return f"data:{next(types, 'application/octet-stream')};base64,{text}"


def _find_urls(value: Any) -> list[str]:
    """Return every http(s) URL in a value, in order."""
    if not value:
        return []
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = re.sub(r"(?<!\\)\\++/", "/", text).replace("\\u0026", "&")
    return [match.rstrip(".,;)]}") for match in _URL_TEXT.findall(text)][:_MAX_OUTPUTS]


def _find_text(result: Any) -> str:
    """Return the text in `resultObject`; an object with one text is that text."""
    value = result.get("resultObject") if isinstance(result, dict) else None
    values = list(value.values()) if isinstance(value, dict) else []
    if len(values) == 1 and isinstance(values[0], str):
        value = values[0]
    if not value or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, indent=2)
