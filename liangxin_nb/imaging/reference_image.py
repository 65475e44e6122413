"""A picture made ready to be sent along with a prompt: upright, bare of metadata, not too large."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps

from .decode import open_image

__all__ = ["encode"]

#: Bytes of one reference at most; the services document none below 10 MB, and bodies have limits.
_MAX_BYTES = 3 << 20
_SIDES = (2048, 1536, 1024, 768)


def encode(picture: Any) -> tuple[str, bytes]:
    """The media type and the bytes of a picture given as bytes, a Pillow image or an array.

    PNG where it has transparency, else JPEG; at most 2048 pixels a side and 3 MiB. Raises
    `ValueError` when it is no picture.
    """
    image = _upright(picture)
    form = "PNG" if "A" in image.getbands() else "JPEG"
    data = b""
    for side in _SIDES:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        data = _encoded(small, form)
        if len(data) <= _MAX_BYTES:
            return f"image/{form.lower()}", data
    raise ValueError(f"{len(data)} bytes are too many, even at {_SIDES[-1]} pixels")


def _upright(picture: Any) -> Image.Image:
    """The pixels alone, as RGB or RGBA, turned as the camera meant them."""
    if isinstance(picture, bytes | bytearray):
        image = open_image(bytes(picture))
    elif isinstance(picture, Image.Image):
        image = picture
    elif hasattr(picture, "__array_interface__"):
        image = Image.fromarray(picture)
    else:
        raise ValueError(f"a {type(picture).__name__} is no picture")
    image = ImageOps.exif_transpose(image)
    clear = "transparency" in image.info or "A" in image.getbands()
    plain = image.convert("RGBA" if clear else "RGB")
    # A new picture has no metadata of the old one: where it was taken is no one's business.
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    return bare


def _encoded(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, form, quality=92, optimize=True)
    return out.getvalue()
