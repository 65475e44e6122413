"""Encode reference images for requests: upright, without metadata, not too large."""

from __future__ import annotations

import importlib
import io
from contextlib import suppress
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
        image = _image_of_array(picture)
    else:
        raise ValueError(f"a {type(picture).__name__} is no picture")
    image = _to_srgb(_to_8_bits(ImageOps.exif_transpose(image)))
    transparent = "transparency" in image.info or "A" in image.getbands()
    converted = image.convert("RGBA" if transparent else "RGB")
    # A new image without metadata: the location where a photo was taken must not be sent.
    copy = Image.new(converted.mode, converted.size)
    copy.paste(converted)
    return copy


def _image_of_array(picture: Any) -> Image.Image:
    """Return an array as an image; its numbers are scaled by the range of their type."""
    try:
        numpy: Any = importlib.import_module("numpy")
        array = numpy.asarray(picture)
        kind, size = array.dtype.kind, array.dtype.itemsize
        if array.ndim not in (2, 3) or not array.size:
            raise ValueError(f"an array of the shape {array.shape} is no picture")
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        if kind == "f":
            if not (numpy.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
                raise ValueError("the numbers of a float array must be from 0 to 1")
            array = (array * 255).round().astype("uint8")
        elif kind == "b":
            array = array.astype("uint8") * 255
        elif (kind, size) == ("u", 2):
            array = (array // 257).astype("uint8")
        elif (kind, size) != ("u", 1):
            if not (kind in "iu" and array.min() >= 0 and array.max() <= 255):
                raise ValueError("the numbers of an integer array must be from 0 to 255")
            array = array.astype("uint8")
        return Image.fromarray(numpy.ascontiguousarray(array))
    except (TypeError, AttributeError, ImportError) as error:
        raise ValueError(f"the array is no picture ({error})") from None


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Return an image of 16-bit integers or of floats from 0 to 1 as 8-bit grey."""
    if image.mode not in ("F", "I") and not image.mode.startswith("I;16"):
        return image
    extrema: Any = image.getextrema()
    low, high = extrema
    limit = 1 if image.mode == "F" else 255 if image.mode == "I" and high <= 255 else 65_535
    if not 0 <= low <= high <= limit:
        raise ValueError(f"its numbers are from {low} to {high}, not from 0 to {limit}")
    factor = 255 / limit
    wide = image if image.mode == "F" else image.convert("I").convert("F")
    return wide.point(lambda value: value * factor + 0.5).convert("L")


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert the colours if the image has a profile, such as Display P3, which is not sent."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "L", "CMYK"):
        return image
    with suppress(ImportError, OSError, ValueError, TypeError):  # broken profiles are ignored
        from PIL import ImageCms

        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        colours = image.convert("RGB") if alpha else image
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except ImageCms.PyCMSError:
            return image
        if converted is not None:
            if alpha:
                converted.putalpha(alpha)
            return converted
    return image


def _save(image: Image.Image, image_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, quality=92, optimize=True)
    return buffer.getvalue()
