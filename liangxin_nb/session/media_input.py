"""Reference pictures, in whatever form people have them, as the texts that the wire takes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidRequestError
from ..imaging import encode

__all__ = ["to_data_uri"]

_LOADERS = "a URL, a file, bytes, a Pillow image, an array, a Result or a finished Job"


def to_data_uri(picture: Any) -> str:
    """The URL of a reference picture, or its data URI.

    `picture`: a URL, a file's path, bytes, a Pillow image, an array, a `Result` or a finished
    `Job` (their first picture). Raises `InvalidRequestError` in one line.
    """
    if isinstance(picture, str) and urlsplit(picture).scheme in ("http", "https"):
        return picture
    if isinstance(picture, str) and picture.startswith("data:image/"):
        return picture
    try:
        kind, data = encode(_load(picture))
    except (ValueError, OSError, TypeError) as error:
        shown = str(picture) if isinstance(picture, str | Path) else type(picture).__name__
        raise InvalidRequestError(
            f"The reference {shown[:80]!r} cannot be used ({error}); nothing was sent.",
            next_step=f"Give {_LOADERS}.",
        ) from None
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _load(picture: Any) -> Any:
    """What Pillow can open: a file's bytes, the first file of a result, or the thing itself."""
    if hasattr(picture, "task_id") and hasattr(picture, "result"):
        picture = picture.result
        if picture is None:
            raise ValueError("the job is not done yet")
    if paths := getattr(picture, "paths", None):
        picture = paths[0]
    if isinstance(picture, str | Path):
        return Path(picture).expanduser().read_bytes()
    return picture
