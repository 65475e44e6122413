"""Small pictures for the notebook: JPEG, oriented, on white, within a budget of bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageOps

from ._base import opened

__all__ = ["BUDGET", "sheet", "thumbnail"]

#: Bytes of JPEG; as base64 they are a third more, so that a picture stays below 64 KiB of notebook.
BUDGET = 46_000
_SIDES = (1024, 896, 768, 640, 512, 384, 256)
_QUALITIES = (86, 78, 70)
_GAP = 8


def thumbnail(data: bytes, *, budget: int = BUDGET, side: int = _SIDES[0]) -> bytes:
    """A JPEG of at most `side` pixels a side and `budget` bytes; never larger than the original."""
    return _within(_flat(opened(data), side), budget, side)


def sheet(pictures: Sequence[bytes], *, budget: int = BUDGET) -> bytes:
    """Several pictures side by side as one JPEG within the same budget as one."""
    if len(pictures) == 1:
        return thumbnail(pictures[0], budget=budget)
    columns = math.ceil(math.sqrt(len(pictures)))
    side = 1024 // columns
    tiles = [ImageOps.contain(_flat(opened(data)), (side, side)) for data in pictures]
    rows = math.ceil(len(tiles) / columns)
    height = max(tile.height for tile in tiles)
    size = (columns * (side + _GAP) - _GAP, rows * (height + _GAP) - _GAP)
    canvas = Image.new("RGB", size, "white")
    for n, tile in enumerate(tiles):
        canvas.paste(tile, (n % columns * (side + _GAP), n // columns * (height + _GAP)))
    return _within(canvas, budget)


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


def _within(image: Image.Image, budget: int, most: int = _SIDES[0]) -> bytes:
    """The largest and best JPEG that the budget allows: rather smaller than blocky."""
    data = b""
    for side in (most, *(side for side in _SIDES if side < most)):
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in _QUALITIES:
            data = _jpeg(small, quality)
            if len(data) <= budget:
                return data
    return data


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()
