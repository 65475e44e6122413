"""A contact sheet: many pictures as one, each where it belongs, with words beside them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from .decode import open_image
from .thumbnail import THUMBNAIL_BYTES
from .thumbnail import _flat as flat

__all__ = ["SheetSpec", "render", "render_file"]

_WIDTHS = (1024, 896, 768, 640, 512)
_QUALITIES = (84, 76, 68, 60, 50, 40)
_MAX_HEIGHT = 1.6  # times the width, in a notebook
#: Places on a sheet in a notebook: with more, no one could tell one picture from another.
_MAX_TILES, _MAX_COLUMNS = 48, 12
_GAP = 8
_INK, _SOFT, _LINE, _BLANK = "#212121", "#616161", "#e0e0e0", "#f5f5f5"
_MAX_PIXELS = 30_000_000
#: Fonts that know Chinese, by the names that systems have for them; Pillow's own does not.
_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "PingFang.ttc", "msyh.ttc",
          "wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf")  # fmt: skip


@dataclass(frozen=True)
class SheetSpec:
    """What a contact sheet shows: pictures by place, row by row, each read when it is drawn.

    With several `columns`, `rows` stand on the left and `columns` above; with one, the pictures
    make a plain grid, each with its row's name below. `labels`: what stands where there is no
    picture. `caption`: one line below all.
    """

    pictures: Mapping[int, Callable[[], bytes]]
    rows: Sequence[str]
    columns: Sequence[str] = ("",)
    labels: Mapping[int, str] = field(default_factory=dict)
    caption: str = ""

    @property
    def matrix(self) -> bool:
        """Whether rows and columns mean something."""
        return len(self.columns) > 1

    @property
    def cells(self) -> int:
        """How many pictures there could be."""
        return len(self.rows) * len(self.columns)

    @property
    def truncated(self) -> SheetSpec:
        """What a notebook has room for: the first rows and columns, at most 48 places."""
        columns = self.columns[:_MAX_COLUMNS]
        rows = self.rows[: max(1, _MAX_TILES // len(columns))]
        old, new = len(self.columns), len(columns)
        if (len(rows), new) == (len(self.rows), old):
            return self
        to = {r * old + c: r * new + c for r in range(len(rows)) for c in range(new)}
        pictures = {to[at]: read for at, read in self.pictures.items() if at in to}
        words = {to[at]: word for at, word in self.labels.items() if at in to}
        told = f"the first {len(to)} of {self.cells}"
        caption = f"{self.caption} · {told}" if self.caption else told
        return SheetSpec(pictures, rows, columns, words, caption)


def render(spec: SheetSpec, *, max_bytes: int = THUMBNAIL_BYTES) -> bytes:
    """The beginning of the sheet as a JPEG within the budget: rather narrower than blocky."""
    spec = spec.truncated
    small, data = _load_tiles(spec, 512), b""
    for width in _WIDTHS:
        sheet = _draw_sheet(spec, small, _Layout.of(spec, small, width, _MAX_HEIGHT))
        for quality in _QUALITIES:
            out = io.BytesIO()
            sheet.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
            data = out.getvalue()
            if len(data) <= max_bytes:
                return data
    return data


def render_file(spec: SheetSpec, form: str, side: int = 512) -> bytes:
    """The sheet as PNG, JPEG or WEBP, its pictures `side` pixels wide; less where many are."""
    across, down = _shape(spec)
    side = max(32, min(side, int(math.sqrt(_MAX_PIXELS / (across * down))) - 4 * _GAP))
    small = _load_tiles(spec, side)
    width = across * (side + _GAP) + _GAP + (min(side // 2, 240) if spec.matrix else 0)
    out = io.BytesIO()
    _draw_sheet(spec, small, _Layout.of(spec, small, width)).save(out, form, quality=90)
    return out.getvalue()


def _load_tiles(spec: SheetSpec, side: int) -> dict[int, Image.Image]:
    """The pictures that can be read; a file that is gone leaves its place empty."""
    small = {}
    for place, read in spec.pictures.items():
        with suppress(OSError, ValueError):
            image = flat(open_image(read()))
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
            small[place] = image
    return small


def _shape(spec: SheetSpec) -> tuple[int, int]:
    """How many pictures across and down."""
    if spec.matrix:
        return len(spec.columns), len(spec.rows)
    across = max(1, math.ceil(math.sqrt(len(spec.rows) * 1.2)))
    return across, math.ceil(len(spec.rows) / across)


@dataclass(frozen=True)
class _Layout:
    """Where everything stands, in pixels. `step`: from one row to the next; `line`: of text."""

    across: int
    down: int
    width: int
    height: int
    left: int
    top: int
    side: int
    high: int
    step: int
    line: int

    @classmethod
    def of(
        cls,
        spec: SheetSpec,
        small: Mapping[int, Image.Image],
        width: int,
        tallest: float = math.inf,
    ) -> _Layout:
        across, down = _shape(spec)
        line = max(15, min(30, width // 56))
        left = _GAP + (min(width // 5, 240) if spec.matrix else 0)
        top = _GAP + (2 * line if spec.matrix else 0)
        foot = line + _GAP if spec.caption else 0
        side = max(8, (width - left) // across - _GAP)
        ratios = sorted(image.height / image.width for image in small.values()) or [1.0]
        ratio = ratios[len(ratios) // 2]
        under = _GAP + (0 if spec.matrix else line)
        high = round(side * ratio)
        # Where it gets too tall everything gets smaller: nothing is left out.
        high = max(8, int(min(high, (width * tallest - top - foot) / down - under)))
        side = max(8, min(side, math.ceil(high / ratio)))
        width = min(width, left + across * (side + _GAP)) if spec.matrix else width
        height = top + down * (high + under) + foot
        return cls(across, down, width, height, left, top, side, high, high + under, line)

    def at(self, place: int) -> tuple[int, int]:
        """The upper left corner of a place."""
        room = (self.width - self.left) // self.across
        return self.left + place % self.across * room, self.top + place // self.across * self.step


def _draw_sheet(spec: SheetSpec, small: Mapping[int, Image.Image], to: _Layout) -> Image.Image:
    sheet = Image.new("RGB", (to.width, to.height), "white")
    pen = _Pen(sheet, to.line)
    for place in range(spec.cells):
        _draw_tile(sheet, pen, to, place, small.get(place), spec.labels.get(place, ""))
    if spec.matrix:
        for n, name in enumerate(spec.columns):
            pen.write((to.at(n)[0], _GAP), name, to.side, 2)
        for n, name in enumerate(spec.rows):
            spot = (_GAP, to.at(n * to.across)[1])
            pen.write(spot, name, to.left - 2 * _GAP, max(1, min(6, to.high // to.line)))
    else:
        for n, name in enumerate(spec.rows):
            x, y = to.at(n)
            pen.write((x, y + to.high + 1), f"{n + 1} · {name}", to.side, 1, _SOFT)
    if spec.caption:
        pen.write((_GAP, to.height - to.line - 2), spec.caption, to.width - 2 * _GAP, 1, _SOFT)
    return sheet


def _draw_tile(
    sheet: Image.Image, pen: _Pen, to: _Layout, place: int, image: Image.Image | None, word: str
) -> None:
    x, y = to.at(place)
    if image is None:
        ImageDraw.Draw(sheet).rectangle(
            (x, y, x + to.side - 1, y + to.high - 1), _BLANK, outline=_LINE
        )
        pen.write((x + 4, y + max(2, (to.high - to.line) // 2)), word, to.side - 8, 1, _SOFT)
        return
    scale = min(to.side / image.width, to.high / image.height, 1.0)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    sheet.paste(image.resize(size, Image.Resampling.LANCZOS), (x, y))


class _Pen:
    """Writes on a sheet, in lines of a given height, no wider than it is told."""

    def __init__(self, sheet: Image.Image, line: int) -> None:
        self._draw = ImageDraw.Draw(sheet)
        self._line = line

    def write(
        self, at: tuple[int, int], text: str, width: int, lines: int = 1, ink: str = _INK
    ) -> None:
        """A text in at most so many lines; what does not fit ends in an ellipsis."""
        font = _font(self._line - 5, text.isascii() or _latin(text))
        for n, line in enumerate(self._wrap(text, font, width, lines)):
            self._draw.text((at[0], at[1] + n * self._line), line, ink, font)

    def _wrap(self, text: str, font: Any, width: int, lines: int) -> Iterator[str]:
        rest = " ".join(text.split())
        for n in range(lines):
            if not rest:
                return
            fits = self._fit(rest, font, width)
            if fits == len(rest) or n == lines - 1:
                whole = fits == len(rest)
                yield rest if whole else rest[: max(0, fits - 1)].rstrip() + "…"
                return
            # At a space where there is one near the end, else anywhere: Chinese has none.
            cut = rest.rfind(" ", fits // 2, fits + 1)
            cut = cut if cut > 0 else fits
            yield rest[:cut]
            rest = rest[cut:].lstrip()

    def _fit(self, text: str, font: Any, width: int) -> int:
        """How many of the first characters fit, the ellipsis counted in."""
        if self._draw.textlength(text, font) <= width:
            return len(text)
        most = len(text)
        while most > 1 and self._draw.textlength(text[:most] + "…", font) > width:
            most -= 1 + most // 12
        return max(1, most)


def _latin(text: str) -> bool:
    return all(ord(letter) < 0x250 or letter in "·…–—‘’“”•€™" for letter in text)


@cache
def _font(size: int, latin: bool) -> Any:
    """Pillow's own font; for other scripts one of the system's, where there is one."""
    for name in () if latin else _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
