"""Encode reference images for requests: upright, without metadata, not too large."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps

from .decode import open_image

__all__ = ["encode"]

#: For one reference. The services document limits from 10 MB; a request may contain several.
_MAX_BYTES = 3 << 20
_SIDES = (2048, 1536, 1024, 768)


def encode(picture: Any) -> tuple[str, bytes]:
    """Encode an image as PNG if it has transparency, else as JPEG.

    Args:
        picture: The content of an image file, a Pillow image or an array.

    Returns:
        The MIME type and the content, with at most 2048 pixels per side and 3 MiB.

    Raises:
        ValueError: If it is not an image.
    """
    image = _load_upright(picture)
    image_format = "PNG" if "A" in image.getbands() else "JPEG"
    data = b""
    for side in _SIDES:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        data = _save(small, image_format)
        if len(data) <= _MAX_BYTES:
            return f"image/{image_format.lower()}", data
    raise ValueError(f"{len(data)} bytes are too many, even at {_SIDES[-1]} pixels")


def _load_upright(picture: Any) -> Image.Image:
    """Return the pixels only, as RGB or RGBA, rotated as the EXIF orientation says."""
    if isinstance(picture, bytes | bytearray):
        image = open_image(bytes(picture))
    elif isinstance(picture, Image.Image):
        image = picture
    elif hasattr(picture, "__array_interface__"):
        image = Image.fromarray(picture)
    else:
        raise ValueError(f"a {type(picture).__name__} is no picture")
    image = ImageOps.exif_transpose(image)
    transparent = "transparency" in image.info or "A" in image.getbands()
    converted = image.convert("RGBA" if transparent else "RGB")
    # A new image without metadata: the location where a photo was taken must not be sent.
    copy = Image.new(converted.mode, converted.size)
    copy.paste(converted)
    return copy


def _save(image: Image.Image, image_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, quality=92, optimize=True)
    return buffer.getvalue()
