"""The contact sheet: as many tiles as a page has, made once and drawn anew for each page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import ipywidgets as widgets

from liangxin_nb.library import LibraryEntry

from .controls import StatusLine, set_visible
from .tile import Tile

__all__ = ["TileGrid"]


class TileGrid:
    """A grid of tiles as wide as there is room; `nothing` says what to do where it is empty."""

    def __init__(
        self,
        status_line: StatusLine,
        open_: Callable[[LibraryEntry], None],
        pick: Callable[[LibraryEntry, bool], None],
    ) -> None:
        self._status_line, self._open, self._pick = status_line, open_, pick
        self.tiles: list[Tile] = []
        self._nothing = widgets.HTML()
        self._grid = widgets.Box()
        self._grid.add_class("lx-sheet")
        self.box = widgets.VBox([self._nothing, self._grid])

    def show(
        self,
        entries: Sequence[LibraryEntry],
        pictures: Sequence[bytes],
        words: Sequence[str],
        chosen: Collection[str],
    ) -> None:
        """Draws a page; a tile too many is kept for the next page, and not shown."""
        while len(self.tiles) < len(entries):
            like = self.tiles[0] if self.tiles else None
            self.tiles.append(self._tile_for(like))
        for tile, entry, picture, said in zip(self.tiles, entries, pictures, words, strict=False):
            tile.show(entry, picture, said, entry.id in chosen)
        boxes = tuple(tile.box for tile in self.tiles[: len(entries)])
        if self._grid.children != boxes:
            self._grid.children = boxes

    def fill(self, entry: LibraryEntry, picture: bytes) -> None:
        """Draws a thumbnail that was made meanwhile."""
        for tile in self.tiles:
            tile.draw(entry, picture)

    def choose(self, chosen: Collection[str]) -> None:
        """Ticks the boxes of these, and no others."""
        for tile in self.tiles:
            tile.choose(tile.entry is not None and tile.entry.id in chosen)

    def resize(self, pixels: int) -> None:
        """Gives the tiles a least width; they share what is left of a row."""
        self._grid.layout.grid_template_columns = f"repeat(auto-fill, minmax({pixels}px, 1fr))"

    def show_message(self, html: str) -> None:
        """Says why there is nothing and what to do first; an empty text when there is something."""
        self._nothing.value = f'<div class="lx-nothing">{html}</div>' if html else ""
        set_visible(self._nothing, bool(html))

    def focus(self, entry: LibraryEntry) -> None:
        """Puts the keyboard back on a tile."""
        for tile in self.tiles:
            if tile.entry is not None and tile.entry.id == entry.id:
                focus(tile.open)

    @property
    def controls(self) -> list[Any]:
        """What can be pressed."""
        return [widget for tile in self.tiles for widget in (tile.open, tile.pick)]

    def _tile_for(self, like: Tile | None) -> Tile:
        # What the tile holds is read once it is this press's turn: the page may be a new one.
        guarded = self._status_line.guarded
        return Tile(
            lambda tile: guarded(lambda: self._on_open(tile))(),
            lambda tile: guarded(lambda: self._on_pick(tile))(),
            like,
        )

    def _on_open(self, tile: Tile) -> None:
        if tile.entry is not None:
            self._open(tile.entry)

    def _on_pick(self, tile: Tile) -> None:
        if tile.entry is not None and not tile.drawing:
            self._pick(tile.entry, bool(tile.pick.value))


def focus(widget: Any) -> None:
    """Puts the keyboard on a widget, where ipywidgets can (8 and later)."""
    if hasattr(widget, "focus"):
        widget.focus()
