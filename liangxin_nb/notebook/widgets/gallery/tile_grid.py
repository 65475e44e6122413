"""The grid of tiles: as many as a page has, created once and reused for each page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.library import LibraryEntry

from .controls import StatusLine, focus, set_visible
from .tile import Tile

__all__ = ["TileGrid"]


class TileGrid:
    """A grid that fills the width, with a message in its place while it is empty.

    Attributes:
        box: The widget.
        tiles: The tiles; the last page may not use all of them.
    """

    box: Any
    tiles: list[Tile]

    def __init__(
        self,
        status_line: StatusLine,
        on_open: Callable[[LibraryEntry], None],
        on_pick: Callable[[LibraryEntry, bool], None],
    ) -> None:
        """Create an empty grid.

        Args:
            status_line: Where errors of the handlers are shown.
            on_open: Called with an entry that is opened.
            on_pick: Called with an entry and whether it is now selected.
        """
        self._status_line, self._on_open, self._on_pick = status_line, on_open, on_pick
        self.tiles = []
        self._message = widgets.HTML()
        self._grid = widgets.Box()
        self._grid.add_class("lx-sheet")
        self.box = widgets.VBox([self._message, self._grid])

    def show(
        self,
        entries: Sequence[LibraryEntry],
        pictures: Sequence[bytes],
        excerpts: Sequence[str],
        selected_ids: Collection[str],
    ) -> None:
        """Show a page.

        Args:
            entries: The entries.
            pictures: The thumbnail of each, or no bytes.
            excerpts: The beginning of the text of each.
            selected_ids: The ids of selected entries, on any page.
        """
        while len(self.tiles) < len(entries):
            self.tiles.append(self._make_tile(self.tiles[0] if self.tiles else None))
        for tile, entry, picture, excerpt in zip(
            self.tiles, entries, pictures, excerpts, strict=False
        ):
            tile.show(entry, picture, excerpt, entry.id in selected_ids)
        boxes = tuple(tile.box for tile in self.tiles[: len(entries)])
        if self._grid.children != boxes:
            self._grid.children = boxes

    def show_picture(self, entry: LibraryEntry, picture: bytes) -> None:
        """Show a thumbnail made in the background."""
        for tile in self.tiles:
            tile.show_picture(entry, picture)

    def set_selected(self, selected_ids: Collection[str]) -> None:
        """Tick the checkboxes of these entries, and clear all others."""
        for tile in self.tiles:
            tile.set_selected(tile.entry is not None and tile.entry.id in selected_ids)

    def resize(self, min_width: int) -> None:
        """Set the minimum width of the tiles in pixels; they fill each row."""
        self._grid.layout.grid_template_columns = f"repeat(auto-fill, minmax({min_width}px, 1fr))"

    def show_message(self, html: Markup) -> None:
        """Show why the grid is empty; an empty text hides the message."""
        message = Markup('<div class="lx-nothing">{}</div>').format(html)
        self._message.value = message if html else ""
        set_visible(self._message, bool(html))

    def focus(self, entry: LibraryEntry) -> None:
        """Give the tile of an entry the keyboard focus."""
        for tile in self.tiles:
            if tile.entry is not None and tile.entry.id == entry.id:
                focus(tile.open)

    @property
    def controls(self) -> list[Any]:
        """The buttons and checkboxes of all tiles."""
        return [widget for tile in self.tiles for widget in (tile.open, tile.pick)]

    def _make_tile(self, template: Tile | None) -> Tile:
        # The entry is read inside the handler, which waits for others: the page may have changed.
        handler = self._status_line.handler
        return Tile(
            lambda tile: handler(lambda: self._open(tile))(),
            lambda tile: handler(lambda: self._pick(tile))(),
            template,
        )

    def _open(self, tile: Tile) -> None:
        if tile.entry is not None:
            self._on_open(tile.entry)

    def _pick(self, tile: Tile) -> None:
        if tile.entry is not None and not tile.is_drawing:
            self._on_pick(tile.entry, bool(tile.pick.value))
