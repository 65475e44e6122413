"""Draw contact sheets: many images as one, in a grid with labels."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from .decode import open_image
from .sheet_text import TextWriter
from .thumbnail import THUMBNAIL_BYTES, flatten

__all__ = ["SheetSpec", "render", "render_file"]

_WIDTHS = (1024, 896, 768, 640, 512)
_QUALITIES = (84, 76, 68, 60, 50, 40)
_MAX_HEIGHT = 1.6  # times the width, in a notebook
#: Cells of a sheet in a notebook. With more, the images are too small to tell apart.
_MAX_TILES, _MAX_COLUMNS = 48, 12
_GAP = 8
_SECONDARY_TEXT, _BORDER, _EMPTY_TILE = "#616161", "#e0e0e0", "#f5f5f5"
_MAX_PIXELS = 30_000_000


@dataclass(frozen=True)
class SheetSpec:
    """The content of a contact sheet. Cells are numbered row by row from 0.

    With several columns, the row names are on the left and the column names above. With one
    column, the images form a plain grid, each with the name of its row below.

    Attributes:
        pictures: Functions that read an image file, by cell; called when the sheet is drawn.
        rows: The names of the rows.
        columns: The names of the columns.
        labels: Texts for cells without an image, by cell.
        caption: One line below the images.
    """

    pictures: Mapping[int, Callable[[], bytes]]
    rows: Sequence[str]
    columns: Sequence[str] = ("",)
    labels: Mapping[int, str] = field(default_factory=dict)
    caption: str = ""

    @property
    def matrix(self) -> bool:
        """Whether the sheet has several columns with names."""
        return len(self.columns) > 1

    @property
    def cells(self) -> int:
        """The number of cells."""
        return len(self.rows) * len(self.columns)

    @property
    def truncated(self) -> SheetSpec:
        """The part that a notebook shows: the first rows and columns, at most 48 cells."""
        columns = self.columns[:_MAX_COLUMNS]
        rows = self.rows[: max(1, _MAX_TILES // len(columns))]
        old, new = len(self.columns), len(columns)
        if (len(rows), new) == (len(self.rows), old):
            return self
        new_cells = {r * old + c: r * new + c for r in range(len(rows)) for c in range(new)}
        pictures = {new_cells[cell]: p for cell, p in self.pictures.items() if cell in new_cells}
        labels = {new_cells[cell]: text for cell, text in self.labels.items() if cell in new_cells}
        part = f"the first {len(new_cells)} of {self.cells}"
        caption = f"{self.caption} · {part}" if self.caption else part
        return SheetSpec(pictures, rows, columns, labels, caption)


def render(spec: SheetSpec, *, max_bytes: int = THUMBNAIL_BYTES) -> bytes:
    """Draw the first part of a sheet as a JPEG, with fewer pixels rather than artifacts.

    Args:
        spec: The sheet.
        max_bytes: Maximum size of the JPEG in bytes.
    """
    spec = spec.truncated
    tiles, data = _load_tiles(spec, 512), b""
    for width in _WIDTHS:
        sheet = _draw_sheet(spec, tiles, _Layout.create(spec, tiles, width, _MAX_HEIGHT))
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            sheet.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            data = buffer.getvalue()
            if len(data) <= max_bytes:
                return data
    return data


def render_file(spec: SheetSpec, image_format: str, side: int = 512) -> bytes:
    """Draw a whole sheet for a file.

    Args:
        spec: The sheet.
        image_format: ``PNG``, ``JPEG`` or ``WEBP``.
        side: Width of an image on the sheet in pixels; less if there are many.
    """
    across, down = _grid_shape(spec)
    side = max(32, min(side, int(math.sqrt(_MAX_PIXELS / (across * down))) - 4 * _GAP))
    tiles = _load_tiles(spec, side)
    width = across * (side + _GAP) + _GAP + (min(side // 2, 240) if spec.matrix else 0)
    sheet = _draw_sheet(spec, tiles, _Layout.create(spec, tiles, width))
    buffer = io.BytesIO()
    sheet.save(buffer, image_format, quality=90)
    return buffer.getvalue()


def _load_tiles(spec: SheetSpec, side: int) -> dict[int, Image.Image]:
    """Load the images by cell; a missing or broken file leaves its cell empty."""
    tiles = {}
    for cell, read in spec.pictures.items():
        with suppress(OSError, ValueError):
            image = flatten(open_image(read()))
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
            tiles[cell] = image
    return tiles


def _grid_shape(spec: SheetSpec) -> tuple[int, int]:
    """Return the number of images across and down."""
    if spec.matrix:
        return len(spec.columns), len(spec.rows)
    across = max(1, math.ceil(math.sqrt(len(spec.rows) * 1.2)))
    return across, math.ceil(len(spec.rows) / across)


@dataclass(frozen=True)
class _Layout:
    """Sizes and positions in pixels; `across` counts tiles."""

    across: int
    width: int
    height: int
    left: int
    top: int
    tile_width: int
    tile_height: int
    row_height: int
    line_height: int

    @classmethod
    def create(
        cls,
        spec: SheetSpec,
        tiles: Mapping[int, Image.Image],
        width: int,
        max_ratio: float = math.inf,
    ) -> _Layout:
        """Return the layout for a width; `max_ratio` limits height by width."""
        across, down = _grid_shape(spec)
        line = max(15, min(30, width // 56))
        left = _GAP + (min(width // 5, 240) if spec.matrix else 0)
        top = _GAP + (2 * line if spec.matrix else 0)
        footer = line + _GAP if spec.caption else 0
        tile_width = max(8, (width - left) // across - _GAP)
        ratios = sorted(image.height / image.width for image in tiles.values()) or [1.0]
        ratio = ratios[len(ratios) // 2]
        below = _GAP + (0 if spec.matrix else line)
        tile_height = round(tile_width * ratio)
        # If the sheet would be too tall, all tiles become smaller; none is left out.
        available = (width * max_ratio - top - footer) / down - below
        tile_height = max(8, int(min(tile_height, available)))
        tile_width = max(8, min(tile_width, math.ceil(tile_height / ratio)))
        width = min(width, left + across * (tile_width + _GAP)) if spec.matrix else width
        row_height = tile_height + below
        height = top + down * row_height + footer
        return cls(across, width, height, left, top, tile_width, tile_height, row_height, line)

    def position(self, cell: int) -> tuple[int, int]:
        """Return the upper left corner of a cell."""
        step = (self.width - self.left) // self.across
        row, column = divmod(cell, self.across)
        return self.left + column * step, self.top + row * self.row_height


def _draw_sheet(spec: SheetSpec, tiles: Mapping[int, Image.Image], layout: _Layout) -> Image.Image:
    sheet = Image.new("RGB", (layout.width, layout.height), "white")
    writer = TextWriter(sheet, layout.line_height)
    for cell in range(spec.cells):
        _draw_tile(sheet, writer, layout, cell, tiles.get(cell), spec.labels.get(cell, ""))
    if spec.matrix:
        lines = max(1, min(6, layout.tile_height // layout.line_height))
        for n, name in enumerate(spec.columns):
            writer.write((layout.position(n)[0], _GAP), name, layout.tile_width, 2)
        for n, name in enumerate(spec.rows):
            y = layout.position(n * layout.across)[1]
            writer.write((_GAP, y), name, layout.left - 2 * _GAP, lines)
    else:
        for n, name in enumerate(spec.rows):
            x, y = layout.position(n)
            y += layout.tile_height + 1
            writer.write((x, y), f"{n + 1} · {name}", layout.tile_width, 1, _SECONDARY_TEXT)
    if spec.caption:
        y = layout.height - layout.line_height - 2
        writer.write((_GAP, y), spec.caption, layout.width - 2 * _GAP, 1, _SECONDARY_TEXT)
    return sheet


def _draw_tile(
    sheet: Image.Image,
    writer: TextWriter,
    layout: _Layout,
    cell: int,
    image: Image.Image | None,
    label: str,
) -> None:
    x, y = layout.position(cell)
    width, height = layout.tile_width, layout.tile_height
    if image is None:
        ImageDraw.Draw(sheet).rectangle(
            (x, y, x + width - 1, y + height - 1), _EMPTY_TILE, outline=_BORDER
        )
        y += max(2, (height - layout.line_height) // 2)
        writer.write((x + 4, y), label, width - 8, 1, _SECONDARY_TEXT)
        return
    scale = min(width / image.width, height / image.height, 1.0)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    sheet.paste(image.resize(size, Image.Resampling.LANCZOS), (x, y))
