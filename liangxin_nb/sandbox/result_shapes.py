"""Shapes in which services send the URLs of a result."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from .file_formats import small_png

__all__ = ["RESULT_SHAPES", "shape_result"]


def shape_result(shape: str, urls: list[str]) -> str:
    """Return the ``resultJson`` of a shape for the URLs of a result."""
    value = RESULT_SHAPES[shape](urls)
    return value if isinstance(value, str) else json.dumps(value)


def _of_each(change: Callable[[str], Any]) -> Callable[[list[str]], Any]:
    """Return a function that changes each of the ``resultUrls``."""
    return lambda urls: {"resultUrls": [change(url) for url in urls]}


def _data_of_each(name: str) -> Callable[[list[str]], Any]:
    """Return a function that lists each URL as a field of an object in ``data``."""
    return lambda urls: {"data": [{name: url} for url in urls]}


def _path(url: str) -> str:
    """Return a URL without scheme and authority."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _picture_text(_: str = "") -> str:
    """Return a picture as base64."""
    return base64.b64encode(small_png()).decode()


#: The value of each shape; a text is sent unchanged, everything else as JSON.
RESULT_SHAPES: dict[str, Callable[[list[str]], Any]] = {
    "objects": _of_each(lambda url: {"url": url}),
    "result-url-objects": _of_each(lambda url: {"resultUrl": url}),
    "json-text": lambda urls: {"resultUrls": json.dumps(urls)},
    "one-text": lambda urls: {"resultUrls": urls[0]},
    "list": lambda urls: urls,
    "object-list": lambda urls: [{"url": url} for url in urls],
    "bare-url": lambda urls: urls[0],
    "images": lambda urls: {"images": [{"url": url, "width": 512} for url in urls]},
    "audio-url": _data_of_each("audio_url"),
    "video-url": _data_of_each("video_url"),
    "image-url": _data_of_each("image_url"),
    "videoUrl": lambda urls: {"videoUrl": urls[0]},
    "nested": lambda urls: {"output": {"media": [{"href": url} for url in urls]}},
    "b64-json": lambda urls: {"data": [{"b64_json": _picture_text()} for _ in urls]},
    "data-url": _of_each(lambda url: f"data:image/png;base64,{_picture_text(url)}"),
    "base64": _of_each(_picture_text),
    "relative": _of_each(_path),
    "protocol-relative": _of_each(lambda url: f"//{urlsplit(url).netloc}{_path(url)}"),
    "newline": _of_each(lambda url: f"{url}\n"),
    "spaces": _of_each(lambda url: f"  {url}\t"),
    "duplicates": lambda urls: {"resultUrls": [*urls, *urls]},
    "no-suffix": _of_each(lambda url: url.replace(_suffix(url), "", 1)),
    "dead-frames": lambda urls: {
        "resultUrls": urls,
        "firstFrameUrl": urljoin(urls[0], "first.png"),
        "lastFrameUrl": urljoin(urls[0], "last.png"),
    },
    "unreadable": lambda _: {"result": "done", "count": 1},
}


def _suffix(url: str) -> str:
    """Return the suffix of a URL's path with its dot."""
    return "." + urlsplit(url).path.rpartition(".")[2]
