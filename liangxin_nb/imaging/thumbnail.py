"""Thumbnails for notebooks: upright JPEGs on white with a maximum size in bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps

from .decode import limit_decoding, open_image

__all__ = ["THUMBNAIL_BYTES", "encode_within", "flatten", "grid", "thumbnail"]

#: Bytes of a JPEG. As base64 it is a third larger and stays below 64 KiB in the notebook.
THUMBNAIL_BYTES = 46_000
_SIDES = (1024, 896, 768, 640, 512, 384, 256, 192, 160, 128, 112, 96, 80, 64)
_QUALITIES = (86, 78, 70)
#: Up to this size the tables of a JPEG are a large part of it: fewer of them, and more artifacts.
_SMALL_SIDE = 256
_SMALL_QUALITIES = (*_QUALITIES, 60, 50, 40)
_GAP = 8
_STRIP_PIXELS = 250_000
_ORIENTATION = 0x0112  # in EXIF data


def thumbnail(
    data: bytes | Path | BinaryIO, *, max_bytes: int = THUMBNAIL_BYTES, side: int = _SIDES[0]
) -> bytes:
    """Return an image as a small JPEG.

    Args:
        data: The content of an image file, its path, or the open file.
        max_bytes: Maximum size of the JPEG in bytes.
        side: Maximum width and height in pixels. The image is never enlarged.

    Raises:
        ValueError: If it is not an image.
    """
    return encode_within(_load(data, side), max_bytes, side)


def grid(pictures: Sequence[bytes | Path], *, max_bytes: int = THUMBNAIL_BYTES) -> bytes:
    """Return several images side by side as one JPEG.

    Args:
        pictures: The contents of image files, or their paths.
        max_bytes: Maximum size of the JPEG in bytes.

    Raises:
        ValueError: If one of them is not an image.
    """
    if len(pictures) == 1:
        return thumbnail(pictures[0], max_bytes=max_bytes)
    tiles = [_shrink(_load(data, 512), 512) for data in pictures]
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    columns = _columns(len(tiles), width / height)
    rows = math.ceil(len(tiles) / columns)
    size = (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP)
    canvas = Image.new("RGB", size, "white")
    for n, tile in enumerate(tiles):
        left, top = n % columns * (width + _GAP), n // columns * (height + _GAP)
        canvas.paste(tile, (left + (width - tile.width) // 2, top + (height - tile.height) // 2))
    return encode_within(canvas, max_bytes)


def _load(data: bytes | Path | BinaryIO, side: int) -> Image.Image:
    with open_image(data) as image, limit_decoding(image):
        return flatten(image, side)


def _columns(count: int, ratio: float) -> int:
    """Return the number of columns that gives about the shape of a page and few empty cells."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * ratio / rows / 1.4)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=badness)


def _shrink(image: Image.Image, side: int) -> Image.Image:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def flatten(image: Image.Image, side: int = _SIDES[0]) -> Image.Image:
    """Return an image as upright 8-bit RGB, with transparency on white.

    A large image is reduced in strips, so that its decoded pixels are in memory only once.

    Args:
        image: An image with undecoded pixels.
        side: The size in pixels that is needed; the result may be three times as large.
    """
    # A large JPEG is then decoded at a fraction of its size: less memory and time.
    image.draft("RGB", (side, side))
    factor = max(1, 3 * max(image.size) // (4 * side))
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, _STRIP_PIXELS // (factor * image.width))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        small.paste(_to_rgb(strip).reduce(factor), (0, top // factor))
    small.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    ImageOps.exif_transpose(small, in_place=True)
    return small


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return an image as 8-bit RGB, with transparency on white."""
    if image.mode.startswith("I;16"):
        image = image.point(lambda v: v / 257).convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.new("RGBA", rgba.size, "white")
        image.alpha_composite(rgba)
    return image.convert("RGB")


def encode_within(image: Image.Image, max_bytes: int, max_side: int = _SIDES[0]) -> bytes:
    """Encode an image as the largest JPEG that fits, with fewer pixels rather than artifacts.

    Args:
        image: An RGB image.
        max_bytes: Maximum size of the JPEG in bytes.
        max_side: Maximum width and height in pixels.
    """
    data = b""
    for side in (max_side, *(side for side in _SIDES if side < max_side)):
        small = _shrink(image, side)
        is_small = max(small.size) <= _SMALL_SIDE
        for quality in _SMALL_QUALITIES if is_small else _QUALITIES:
            data = _jpeg(small, quality, progressive=not is_small)
            if len(data) <= max_bytes:
                return data
    return data


def _jpeg(image: Image.Image, quality: int, *, progressive: bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=progressive)
    return buffer.getvalue()
