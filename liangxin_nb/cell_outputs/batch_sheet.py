"""The pictures of a batch in a grid, as HTML: each with its caption as text.

Inline styles only: front ends remove style sheets from notebooks that they do not trust.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..core.formatting import printable, shorten
from ..core.job_record import JobUpdate
from ..imaging import thumbnail
from ..results import Result, find_poster
from ..results.figure import SMALL_TEXT, alternative_text, file_link, picture_html
from ..results.result import results_folder
from ..results.thumbnails import ThumbnailCache, ThumbnailSize
from .batch_summary import COUNT_STYLES, BatchSummary

__all__ = ["MAX_CELLS", "SheetLayout", "picture_of", "sheet_html"]

#: Cells of a sheet in a notebook: with more, the pictures are too small to tell apart.
MAX_CELLS, _MAX_COLUMNS = 48, 12
#: Bytes of all pictures of a sheet. As base64 they are a third larger, below 64 KiB.
_PICTURE_BYTES = 42_000
#: Width and height of a picture in pixels, by the number of cells up to which it applies.
_SIDES = ((1, 512), (2, 448), (4, 320), (6, 256), (9, 224), (12, 192), (20, 160), (30, 128))
_MIN_SIDE = 112
_MATRIX_WIDTH = 960  # pixels for all columns of a table
_ALT_CHARACTERS = 12_000  # of all pictures of a sheet
_TEXT_STYLE = f"{SMALL_TEXT};line-height:1.4;overflow-wrap:anywhere"
_CAPTION_STYLE = _TEXT_STYLE + ";max-height:4.2em;overflow:hidden;margin-top:4px"
_FRAME_STYLE = (
    "display:block;box-sizing:border-box;border:1px solid #9e9e9e;border-radius:4px;max-width:none"
)
_CELL = Markup(
    '<figure style="display:inline-block;vertical-align:top;width:{}px;margin:0 12px 12px 0">'
    '{}<figcaption dir="auto" title="{}" style="{}">{}</figcaption></figure>'
)
_TABLE = Markup(
    '<div style="overflow-x:auto"><table style="margin:0;border-collapse:collapse">'
    "<thead><tr><th></th>{}</tr></thead><tbody>{}</tbody></table></div>"
)
_HEADING = Markup(
    '<th scope="{}" dir="auto" style="text-align:left;vertical-align:{};padding:4px 8px 4px 0;'
    'font-weight:400;white-space:normal;min-width:{}px;max-width:{}px;{}">{}</th>'
)
#: Values of options such as `16:9`, `landscape_16_9` and `portrait_4_3`.
_RATIO = re.compile(r"(?P<shape>landscape_|portrait_)?(?P<width>\d+)[:_](?P<height>\d+)")


@dataclass(frozen=True)
class SheetLayout:
    """The part of a batch that a sheet shows, and the size of its pictures.

    Attributes:
        summary: The batch.
        max_cells: How many cells are shown, at most.
        side: Width and height of a picture, at most; 0 for a size that fits a notebook.
        max_bytes: Size of each picture; 0 for a size that fits a notebook.
    """

    summary: BatchSummary
    max_cells: int = MAX_CELLS
    max_side: int = 0
    max_picture_bytes: int = 0

    @cached_property
    def columns(self) -> Sequence[str]:
        """The labels of the columns that are shown."""
        is_notebook = self.max_cells == MAX_CELLS
        return self.summary.columns[: _MAX_COLUMNS if is_notebook else None]

    @cached_property
    def rows(self) -> Sequence[str]:
        """The labels of the rows that are shown."""
        return self.summary.rows[: max(1, self.max_cells // len(self.columns))]

    @property
    def cells(self) -> int:
        """The number of cells that are shown."""
        return len(self.rows) * len(self.columns)

    @cached_property
    def side(self) -> int:
        """Width and height of a picture in pixels."""
        if self.max_side:
            return self.max_side
        side = next((side for cells, side in _SIDES if self.cells <= cells), _MIN_SIDE)
        return min(side, _MATRIX_WIDTH // len(self.columns)) if len(self.columns) > 1 else side

    @property
    def picture_bytes(self) -> int:
        """The size of a picture in bytes, at most."""
        return self.max_picture_bytes or _PICTURE_BYTES // self.cells

    @property
    def alt_length(self) -> int:
        """The number of characters of an alternative text, at most."""
        return max(80, _ALT_CHARACTERS // self.cells)

    @cached_property
    def usual_ratio(self) -> float:
        """Width divided by height of most pictures, as far as it is known."""
        ratios = sorted(filter(None, map(_ratio_of, self.summary.updates[:MAX_CELLS])))
        return ratios[len(ratios) // 2] if ratios else 1.0


def sheet_html(
    layout: SheetLayout, start: Path | None = None, *, with_pictures: bool = True
) -> Markup:
    """Return the grid of a batch; a request without a picture has a frame with its state.

    Args:
        layout: What is shown.
        start: The folder to which links are relative; default: the working directory.
        with_pictures: Whether thumbnails are read or made; frames take their places otherwise.
    """
    summary, total = layout.summary, len(layout.summary.columns)
    cells = [
        [
            _cell(layout, row * total + column, start, with_picture=with_pictures)
            for column in range(len(layout.columns))
        ]
        for row in range(len(layout.rows))
    ]
    if len(summary.columns) == 1:
        width = max([112, *(width for (width, _) in map(_first, cells))])
        return Markup("<div>{}</div>").format(
            Markup("").join(
                _CELL.format(
                    width, html, printable(label), _CAPTION_STYLE, _caption(layout, n, label)
                )
                for n, (label, ((_, html),)) in enumerate(zip(layout.rows, cells, strict=True))
            )
        )
    return _matrix_html(layout, [[html for _, html in row] for row in cells])


def _caption(layout: SheetLayout, index: int, label: str) -> str:
    result = layout.summary.updates[index].result
    count = len(result.paths) if isinstance(result, Result) else 0
    more = f" · 1 of {count} files" if count > 1 else ""
    return f"{index + 1} · {printable(label)}{more}"


def _first(row: Sequence[tuple[int, Markup]]) -> tuple[int, Markup]:
    return row[0]


def _matrix_html(layout: SheetLayout, cells: Sequence[Sequence[Markup]]) -> Markup:
    heads = Markup("").join(
        _HEADING.format("col", "bottom", 0, layout.side, _TEXT_STYLE, printable(label))
        for label in layout.columns
    )
    cell = Markup('<td style="padding:4px 8px 4px 0;vertical-align:top">{}</td>')
    rows = (
        Markup("<tr>{}{}</tr>").format(
            _HEADING.format("row", "top", 80, 200, _TEXT_STYLE, printable(label)),
            Markup("").join(map(cell.format, row)),
        )
        for label, row in zip(layout.rows, cells, strict=True)
    )
    return _TABLE.format(heads, Markup("").join(rows))


def _cell(
    layout: SheetLayout, index: int, start: Path | None, *, with_picture: bool
) -> tuple[int, Markup]:
    """Return the width of a cell and its HTML: a picture, or a frame with the state."""
    update = layout.summary.updates[index]
    ratio = _ratio_of(update) or layout.usual_ratio
    width = round(layout.side * min(1.0, ratio))
    height = max(1, round(layout.side * min(1.0, 1 / ratio)))
    result = update.result
    if not isinstance(result, Result) or not with_picture:
        style = COUNT_STYLES[layout.summary.states[index]]
        return width, _frame(width, height, style.sign, style.word)
    data = picture_of(result, layout.side, layout.picture_bytes)
    if not data:
        kind = str(result.metadata.files[0].get("kind", "file")) if result.metadata.files else ""
        html = _frame(width, height, "●", kind)
    else:
        alt = shorten(alternative_text(result.prompt), layout.alt_length)
        html = picture_html(data, alt, _FRAME_STYLE, (width, height))
    href = file_link(result.path, start) if result.paths else ""
    link = Markup('<a href="{}" title="Open the original">{}</a>')
    return width, link.format(href, html) if href else html


def picture_of(result: Result, side: int, max_bytes: int) -> bytes:
    """Return the first picture of a result, or the poster of its video; empty without one."""
    pictures = result.image_paths or tuple(filter(None, map(find_poster, result.paths)))
    try:
        if pictures:
            size = ThumbnailSize(side, max_bytes, f"-{side}-{max_bytes}")
            cache = ThumbnailCache(results_folder(result))
            return cache.make(result.metadata.job_id, pictures[0], size)
        poster = result.thumbnail()  # drawn for a video without a saved one
        return thumbnail(poster, side=side, max_bytes=max_bytes) if poster else b""
    except Exception:  # Pillow's decoders raise many types for broken data
        return b""


def _frame(width: int, height: int, sign: str, word: str) -> Markup:
    style = f"{_FRAME_STYLE};width:{width}px;height:{height}px;padding:8px;overflow:hidden"
    return Markup('<div style="{};{}">{} {}</div>').format(style, _TEXT_STYLE, sign, word)


def _ratio_of(update: JobUpdate) -> float | None:
    """Return width divided by height of a picture, or what was requested; None if unknown."""
    if isinstance(update.result, Result) and update.result.metadata.files:
        file = update.result.metadata.files[0]
        return _bounded(file.get("width"), file.get("height"))
    texts = (str(value)[:40] for value in update.record.request.options.values())
    for text in texts:
        if match := _RATIO.fullmatch(text):
            width, height = int(match["width"]), int(match["height"])
            if match["shape"]:  # models name the sides in either order
                height, width = sorted((width, height), reverse=match["shape"] == "portrait_")
            return _bounded(width, height)
    return None


def _bounded(width: Any, height: Any) -> float | None:
    if not isinstance(width, int | float) or not isinstance(height, int | float):
        return None
    return min(4.0, max(0.25, width / height)) if width > 0 and height > 0 else None
