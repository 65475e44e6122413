"""Small pictures for the notebook: JPEG, oriented, on white, within a budget of bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageOps

from .decode import open_image

__all__ = ["THUMBNAIL_BYTES", "encode_within", "grid", "thumbnail"]

#: Bytes of JPEG; as base64 they are a third more, so that a picture stays below 64 KiB of notebook.
THUMBNAIL_BYTES = 46_000
_SIDES = (1024, 896, 768, 640, 512, 384, 256)
_QUALITIES = (86, 78, 70)
_GAP = 8


def thumbnail(data: bytes, *, max_bytes: int = THUMBNAIL_BYTES, side: int = _SIDES[0]) -> bytes:
    """A JPEG of at most `side` pixels a side and `max_bytes` bytes; never larger than the
    original.
    """
    return encode_within(_flat(open_image(data), side), max_bytes, side)


def grid(pictures: Sequence[bytes], *, max_bytes: int = THUMBNAIL_BYTES) -> bytes:
    """Several pictures side by side as one JPEG within the same budget as one."""
    if len(pictures) == 1:
        return thumbnail(pictures[0], max_bytes=max_bytes)
    tiles = [_small(_flat(open_image(data)), 512) for data in pictures]
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    columns = _columns(len(tiles), width / height)
    rows = math.ceil(len(tiles) / columns)
    size = (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP)
    canvas = Image.new("RGB", size, "white")
    for n, tile in enumerate(tiles):
        left, top = n % columns * (width + _GAP), n // columns * (height + _GAP)
        canvas.paste(tile, (left + (width - tile.width) // 2, top + (height - tile.height) // 2))
    return encode_within(canvas, max_bytes)


def _columns(count: int, ratio: float) -> int:
    """In how many columns the sheet is nearest to a page's shape, with few places empty."""

    def fault(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * ratio / rows / 1.4)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=fault)


def _small(image: Image.Image, side: int) -> Image.Image:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def _flat(image: Image.Image, side: int = _SIDES[0]) -> Image.Image:
    """The picture as people see it: upright, 8-bit RGB, transparency on white."""
    # The decoder then reads a large JPEG at a fraction of its size: less memory and time.
    image.draft("RGB", (side, side))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        image = image.point(lambda v: v / 257).convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.new("RGBA", rgba.size, "white")
        image.alpha_composite(rgba)
    return image.convert("RGB")


def encode_within(image: Image.Image, max_bytes: int, max_side: int = _SIDES[0]) -> bytes:
    """The largest and best JPEG that the budget allows: rather smaller than blocky."""
    data = b""
    for side in (max_side, *(side for side in _SIDES if side < max_side)):
        small = _small(image, side)
        for quality in _QUALITIES:
            data = _jpeg(small, quality)
            if len(data) <= max_bytes:
                return data
    return data


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()
