"""Converts reference pictures to what the API takes: URLs and data URIs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidRequestError
from ..imaging import ImageSource, encode
from ..results import Result
from .job import Job

__all__ = ["ImageInput", "Images", "image_list", "to_data_uri"]

#: A reference picture: a URL, a file, bytes, a Pillow image, an array, a result, a finished job.
ImageInput = ImageSource | Result | Job
#: The value of an `image=` argument: one reference picture, several, or none.
Images = ImageInput | Sequence[ImageInput] | None
_LOADERS = "a URL, a file, bytes, a Pillow image, an array, a Result or a finished Job"


def image_list(images: Images) -> list[Any]:
    """Return the pictures of an `image=` argument: none, one, or several."""
    if images is None:
        return []
    return list(images) if isinstance(images, list | tuple) else [images]


def to_data_uri(picture: ImageInput) -> str:
    """Return the URL of a reference picture, or its content as a data URI.

    Args:
        picture: The picture; of a result or a job, its first one.

    Raises:
        InvalidRequestError: If it cannot be read. Nothing has been sent.
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
    """Return what can be encoded: the bytes of a file, or the picture itself."""
    if hasattr(picture, "task_id") and hasattr(picture, "result"):
        picture = picture.result
        if picture is None:
            raise ValueError("the job is not done yet")
    if paths := getattr(picture, "paths", None):
        picture = paths[0]
    if isinstance(picture, str | Path):
        return Path(picture).expanduser().read_bytes()
    return picture
