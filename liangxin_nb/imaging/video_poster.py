"""What stands for a film where it cannot play: its first picture, or a plain sheet, with a sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from .decode import open_image
from .thumbnail import encode_within

__all__ = ["POSTER_BYTES", "poster"]

#: Bytes of a film's poster: it stands twice in an output, for the player and for itself.
POSTER_BYTES = 20_000
_SIZE = (960, 540)
_GROUND, _DARK = (38, 42, 48), (20, 22, 26)
_INK, _SOFT = (240, 240, 240), (170, 176, 184)
_SMOOTH = 4


def poster(
    frame: bytes = b"", lines: Sequence[str] = (), *, max_bytes: int = POSTER_BYTES
) -> bytes:
    """A JPEG for a film: `frame`, a picture, with the sign that it plays.

    Without a frame the `lines` say what it is. Raises `ValueError` when the frame is no picture.
    """
    image = open_image(frame).convert("RGB") if frame else Image.new("RGB", _SIZE, _GROUND)
    if not frame:
        _write(image, [line for line in map(_printable, lines) if line])
    _sign(image)
    return encode_within(image, max_bytes)


def _sign(image: Image.Image) -> None:
    """A triangle on a disc, in the middle, large enough to be seen in a thumbnail."""
    size = max(24, min(image.size) // 5)
    big = size * _SMOOTH
    disc, arrow = Image.new("L", (big, big)), Image.new("L", (big, big))
    ImageDraw.Draw(disc).ellipse((0, 0, big - 1, big - 1), fill=170)
    corners = [(big * x, big * y) for x, y in ((0.39, 0.29), (0.39, 0.71), (0.73, 0.5))]
    ImageDraw.Draw(arrow).polygon(corners, fill=255)
    middle = ((image.width - size) // 2, (image.height - size) // 2)
    for colour, shape in ((_DARK, disc), (_INK, arrow)):
        mask = shape.resize((size, size), Image.Resampling.LANCZOS)
        image.paste(Image.new("RGB", mask.size, colour), middle, mask)


def _write(image: Image.Image, lines: Sequence[str]) -> None:
    """The lines below the middle, the first in ink and the others softer."""
    pen = ImageDraw.Draw(image)
    for n, line in enumerate(lines[:3]):
        font = ImageFont.load_default(30 if n == 0 else 22)
        at = (image.width / 2, image.height * 0.69 + n * 42)
        pen.text(
            at, _cut(line, pen, font, image.width * 0.88), _INK if n == 0 else _SOFT, font, "mm"
        )


def _cut(line: str, pen: ImageDraw.ImageDraw, font: Any, width: float) -> str:
    if pen.textlength(line, font) <= width:
        return line
    while line and pen.textlength(f"{line}…", font) > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _printable(line: str) -> str:
    """The line, or nothing: the font that comes along has the letters of Europe only."""
    plain = " ".join(line.split())[:200]
    return plain if all(ord(letter) < 0x250 or letter in "·×–…" for letter in plain) else ""
