"""Write the labels of a contact sheet with the fonts of this machine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont, features

__all__ = ["TextWriter"]

_TEXT = "#212121"
#: Fonts with Chinese and with other scripts, as systems name them; Pillow's own font is Latin.
_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "PingFang.ttc", "msyh.ttc",
          "wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "DejaVuSans.ttf",
          "NotoSansArabic-Regular.ttf", "NotoSansHebrew-Regular.ttf", "NotoSansThai-Regular.ttf",
          "NotoSansDevanagari-Regular.ttf", "Arial Unicode.ttf", "Nirmala.ttf", "seguisym.ttf",
          "FreeSans.ttf", "unifont.ttf")  # fmt: skip
#: No font has a glyph for this code point: what is drawn for it stands for a missing glyph.
_UNASSIGNED = "\U000fffff"
#: Letters of these scripts are joined, or written from right to left, which needs Raqm.
_COMPLEX = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u17ff]")


class TextWriter:
    """Writes lines of one height and a maximum width on an image."""

    def __init__(self, sheet: Image.Image, line_height: int) -> None:
        self._draw = ImageDraw.Draw(sheet)
        self._line_height = line_height

    def write(
        self,
        position: tuple[int, int],
        text: str,
        width: int,
        max_lines: int = 1,
        colour: str = _TEXT,
    ) -> None:
        """Write a text in at most so many lines; a longer one ends in an ellipsis."""
        text, font = _drawable(text, self._line_height - 5)
        x, y = position
        for n, line in enumerate(self._wrap(text, font, width, max_lines)):
            self._draw.text((x, y + n * self._line_height), line, colour, font)

    def _wrap(self, text: str, font: Any, width: int, max_lines: int) -> Iterator[str]:
        rest = " ".join(text.split())
        for n in range(max_lines):
            if not rest:
                return
            count = self._count_fitting(rest, font, width)
            if count == len(rest):
                yield rest
                return
            if n == max_lines - 1:
                yield rest[: max(0, count - 1)].rstrip() + "…"
                return
            # At a space near the end if there is one, else anywhere: Chinese has no spaces.
            end = rest.rfind(" ", count // 2, count + 1)
            end = end if end > 0 else count
            yield rest[:end]
            rest = rest[end:].lstrip()

    def _count_fitting(self, text: str, font: Any, width: int) -> int:
        """Return how many characters fit, with an ellipsis if not all do."""
        if self._draw.textlength(text, font) <= width:
            return len(text)
        count = len(text)
        while count > 1 and self._draw.textlength(text[:count] + "…", font) > width:
            count -= 1 + count // 12
        return max(1, count)


def _is_latin(text: str) -> bool:
    return all(ord(letter) < 0x250 or letter in "·…–—‘’“”•€™" for letter in text)


def _drawable(text: str, size: int) -> tuple[str, Any]:
    """Return the part of a text that can be drawn, and the font that has most of its letters.

    A box in place of a letter would stay in the picture; letters without a glyph are left out.
    """
    if _is_latin(text):
        return text, ImageFont.load_default(size)
    if not features.check("raqm"):
        text = _COMPLEX.sub("", text)
    best, best_font = "", ImageFont.load_default(size)
    for font in (best_font, *_load_fonts(size)):
        part = _letters_of(font, text)
        if len(part) > len(best):
            best, best_font = part, font
    return " ".join(best.split()), best_font


def _letters_of(font: Any, text: str) -> str:
    """Return the letters of a text that a font has; a mark only with its letter."""
    letters, has_letter = "", False
    for letter in text:
        is_mark = unicodedata.category(letter).startswith("M")
        is_shown = _has_glyph(font, letter) and (has_letter or not is_mark)
        has_letter = has_letter if is_mark else is_shown
        letters += letter if is_shown else ""
    return letters


@cache
def _load_fonts(size: int) -> list[Any]:
    """Return the fonts of the system that have other scripts than Latin."""
    fonts = []
    for name in _FONTS:
        with suppress(OSError):
            fonts.append(ImageFont.truetype(name, size))
    return fonts


@lru_cache(4096)
def _has_glyph(font: Any, letter: str) -> bool:
    if letter.isspace():
        return True
    return bool(_glyph(font, letter) != _glyph(font, _UNASSIGNED))


@lru_cache(4096)
def _glyph(font: Any, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
