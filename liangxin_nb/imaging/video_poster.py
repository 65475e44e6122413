"""Posters of videos: the first frame or a few lines of text, with a play symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from .decode import open_image
from .thumbnail import encode_within

__all__ = ["POSTER_BYTES", "poster"]

#: Bytes of a poster. An output contains it twice: in the player and as an image.
POSTER_BYTES = 20_000
_SIZE = (960, 540)
_BACKGROUND, _DISC = (38, 42, 48), (20, 22, 26)
_TEXT, _SECONDARY_TEXT = (240, 240, 240), (170, 176, 184)
_SUPERSAMPLING = 4


def poster(
    frame: bytes = b"", lines: Sequence[str] = (), *, max_bytes: int = POSTER_BYTES
) -> bytes:
    """Return the poster of a video as a JPEG.

    Args:
        frame: The content of an image file; empty to show the lines instead.
        lines: Text that describes the video.
        max_bytes: Maximum size of the JPEG in bytes.

    Raises:
        ValueError: If the frame is not an image.
    """
    image = open_image(frame).convert("RGB") if frame else Image.new("RGB", _SIZE, _BACKGROUND)
    if not frame:
        _draw_lines(image, [line for line in map(_printable, lines) if line])
    _draw_play_symbol(image)
    return encode_within(image, max_bytes)


def _draw_play_symbol(image: Image.Image) -> None:
    """Draw a triangle on a disc in the middle, large enough for a thumbnail."""
    size = max(24, min(image.size) // 5)
    large = size * _SUPERSAMPLING
    disc, triangle = Image.new("L", (large, large)), Image.new("L", (large, large))
    ImageDraw.Draw(disc).ellipse((0, 0, large - 1, large - 1), fill=170)
    corners = [(large * x, large * y) for x, y in ((0.39, 0.29), (0.39, 0.71), (0.73, 0.5))]
    ImageDraw.Draw(triangle).polygon(corners, fill=255)
    position = ((image.width - size) // 2, (image.height - size) // 2)
    for colour, shape in ((_DISC, disc), (_TEXT, triangle)):
        mask = shape.resize((size, size), Image.Resampling.LANCZOS)
        image.paste(Image.new("RGB", mask.size, colour), position, mask)


def _draw_lines(image: Image.Image, lines: Sequence[str]) -> None:
    """Draw the lines below the middle, the first larger than the others."""
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines[:3]):
        font = ImageFont.load_default(30 if n == 0 else 22)
        position = (image.width / 2, image.height * 0.69 + n * 42)
        text = _truncate(line, draw, font, image.width * 0.88)
        draw.text(position, text, _TEXT if n == 0 else _SECONDARY_TEXT, font, "mm")


def _truncate(line: str, draw: ImageDraw.ImageDraw, font: Any, width: float) -> str:
    if draw.textlength(line, font) <= width:
        return line
    while line and draw.textlength(f"{line}…", font) > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _printable(line: str) -> str:
    """Return the line, or an empty text: Pillow's own font has European letters only."""
    text = " ".join(line.split())[:200]
    return text if all(ord(letter) < 0x250 or letter in "·×–…" for letter in text) else ""
