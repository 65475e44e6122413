"""The gallery: everything that was ever made, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets

from liangxin_nb.library import Library, LibraryEntry

from ..theme import STYLE, allow_events_while_busy
from .controls import StatusLine, set_visible
from .detail_controller import DetailController
from .filters import MEDIUM, Filters
from .handoff import Handoff
from .selection import Selection
from .style import GALLERY, SANDBOX, count_of
from .tile_grid import TileGrid, focus
from .toolbar import Toolbar
from .upload import Upload

__all__ = ["PAGE", "Gallery"]

#: Tiles of a page: full rows of two, three, four, six and eight.
PAGE = 24
_EMPTY = (
    "<b>Nothing is kept yet.</b><br>Write <code>%%liangxin</code> above a prompt and run the cell; "
    "its picture is then here."
)
_NO_MATCH = "<b>Nothing fits these filters.</b><br>Take a word or a day out, or reset the filters."


class Gallery:
    """The panel; `box` is the widget, `closed` is called when it is to be put away.

    `later` does work off the kernel's main thread; `sandbox`: whether to say that pictures are
    drawings.
    """

    def __init__(
        self,
        library: Library,
        later: Callable[[Callable[[], None]], None],
        closed: Callable[[], None],
        handoff: Handoff | None = None,
        *,
        sandbox: bool = False,
    ) -> None:
        self._library, self._later, self._label = library, later, SANDBOX if sandbox else ""
        self._first, self._total, self._page_turns = 0, 0, 0
        self._on_leave: Callable[[list[LibraryEntry]], None] | None = None
        self.entries: list[LibraryEntry] = []
        self.status_line = status_line = StatusLine()
        self.selection = Selection(library, status_line, self)
        self.detail = DetailController(library, status_line, handoff or Handoff(), self)
        self.toolbar = Toolbar(
            status_line, lambda by: self.turn(self._first + by * PAGE), self.selection
        )
        self.grid = TileGrid(status_line, self.open, self.selection.pick)
        self.filters = Filters(status_line.guarded(self._filtered), self.grid.resize)
        self.filters.reset.on_click(status_line.guarded(self._reset))
        self.refresh = status_line.button("Refresh", "Looks into the ledger again", self._reload)
        self.upload = Upload(status_line, self._read)
        self.close_button = status_line.button(
            "Close", "Leaves this page as one picture, which needs no kernel", closed
        )
        self.box = self._layout()
        self.grid.resize(MEDIUM)
        self.toolbar.show_selected(0)
        status_line.guarded(self._reload)()

    # ---- what is shown

    def turn(self, first: int) -> None:
        """Shows the page that begins with the entry numbered `first`."""
        self.status_line.show("")
        self._draw(first)

    def open(self, entry: LibraryEntry) -> None:
        """Shows one entry large."""
        self.detail.open(entry)
        self._switch_to(self.detail.view.box, self.detail.view.back)

    def show_comparison(self, html: str) -> None:
        """Shows a comparison in place of the contact sheet."""
        back, table, box = self._comparison
        table.value = html
        self._switch_to(box, back)

    def back(self) -> None:
        """Shows the contact sheet again."""
        self._show(None)
        if "_comparison" in self.__dict__:
            self._comparison[1].value = ""
        if self.detail.entry is not None:
            self.grid.focus(self.detail.entry)

    def open_neighbour(self, entry: LibraryEntry, step: int) -> None:
        """Opens the entry before or after this one, on the next page if need be."""
        ids = [one.id for one in self.entries]
        place = self._first + ids.index(entry.id) + step if entry.id in ids else self._first
        if not 0 <= place < self._total:
            self.status_line.show(
                "There is none before it." if step < 0 else "There is none after it."
            )
            return
        if not self._first <= place < self._first + PAGE:
            self._draw(place - place % PAGE)
        self.detail.open(self.entries[place - self._first])

    def reload(self) -> None:
        """Draws the page anew: the ledger has changed."""
        self._reload()

    def deleted(self, id: str) -> None:
        """Draws the page anew without this one, and goes back to it."""
        self.selection.drop(id)
        self._reload()
        self.back()

    def update_checkboxes(self) -> None:
        """Ticks the boxes of what is selected."""
        self.grid.choose(self.selection.ids)

    def update_count(self, count: int) -> None:
        """Says how many are selected."""
        self.toolbar.show_selected(count)

    def later(self, work: Callable[[], None]) -> None:
        """Does work off the kernel's main thread; what goes wrong in it is said here too."""
        self._later(self.status_line.reporting(work))

    def on_leave(self, draw: Callable[[list[LibraryEntry]], None]) -> None:
        """Has a page drawn for whoever opens the notebook without a kernel, now and when the
        ledger has changed; not as pages turn, for each is a message of the picture's size."""
        self._on_leave = draw
        self.later(lambda: draw(self.entries))

    # ---- how it is drawn

    def _reload(self) -> None:
        self._draw(self._first)
        # The lists of the filters come a moment later than the pictures.
        self.later(self._offer)
        if self._on_leave is not None:
            self.on_leave(self._on_leave)

    def _offer(self) -> None:
        models, batches = self._library.models(), self._library.batches()
        with self.status_line.lock:
            self.filters.set_choices(models, batches)

    def _filtered(self) -> None:
        if not self.filters.quiet:
            self.turn(0)

    def _reset(self) -> None:
        self.filters.clear()
        self.turn(0)

    def _draw(self, first: int) -> None:
        query = self.filters.query
        total = self._library.count(query)
        self._first = max(0, min(first, (total - 1) // PAGE * PAGE))
        self._total, self._page_turns = total, self._page_turns + 1
        self.entries = self._library.page(query, first=self._first, limit=PAGE)
        small = [
            self._library.cached_thumbnail(entry) if entry.visible else b""
            for entry in self.entries
        ]
        words = [self._library.text_excerpt(entry) for entry in self.entries]
        self.grid.show(self.entries, small, words, self.selection.ids)
        self.grid.show_message(
            "" if self.entries else _EMPTY if self.filters.is_default else _NO_MATCH
        )
        self.toolbar.show_position(self._first, len(self.entries), total, PAGE)
        both = zip(self.entries, small, strict=True)
        if missing := [entry for entry, data in both if not data and entry.preview_files]:
            self.later(partial(self._fill, self._page_turns, missing))
        self._set_title(total)
        # Whatever was sent last decides who hears the next press: let the frontend choose again.
        allow_events_while_busy(*self._controls())

    def _fill(self, turn: int, missing: list[LibraryEntry]) -> None:
        """Makes the thumbnails that there are not yet, as long as their page is shown."""
        for entry in missing:
            picture = self._library.thumbnail(entry)
            with self.status_line.lock:
                if self._page_turns != turn:
                    return
                self.grid.fill(entry, picture)

    def _set_title(self, total: int) -> None:
        label = f'<span class="lx-small">{self._label}</span>' if self._label else ""
        count = f'<span class="lx-soft lx-count">{count_of(total)}</span>'
        self._title.value = f'<div class="lx-title"><b>Gallery</b>{count}{label}</div>'

    def _read(self, data: bytes) -> None:
        if self.detail.open_file(data):
            self._switch_to(self.detail.view.box, self.detail.view.back)

    def _switch_to(self, view: Any, first: Any) -> None:
        """Shows a view and puts the keyboard on its first control."""
        self._show(view)
        allow_events_while_busy(*self._controls())
        focus(first)

    def _show(self, view: Any) -> None:
        """Shows the contact sheet with its filters, or another view in its place."""
        for widget in self._sheets:
            set_visible(widget, view is None)
        for other in self._views:
            set_visible(other, view is other)
        if view is not None and view not in self._views:
            self._views.append(view)
            self.box.children = (*self.box.children, view)

    def _controls(self) -> Iterator[Any]:
        yield from (*self.filters.is_open, self.filters.size, self.filters.reset)
        yield from (self.refresh, self.upload.widget, self.close_button)
        yield from (*self.toolbar.buttons, *self.grid.controls)
        if self._views:
            yield from (*self.detail.view.buttons, self._comparison[0])

    @cached_property
    def _comparison(self) -> tuple[Any, Any, Any]:
        """The way back, the table, and both in one box; made when it is first needed."""
        back = self.status_line.button(
            "Back to all", "Shows the contact sheet again", self.detail.back
        )
        table = widgets.HTML()
        box = widgets.VBox([widgets.HBox([back]), table])
        box.add_class("lx-view")
        return back, table, box

    def _layout(self) -> Any:
        self._title = widgets.HTML()
        self._title.layout.flex = "1 1 200px"
        self._views: list[Any] = []
        self._sheets = (self.filters.box, self.toolbar.box, self.grid.box)
        head = widgets.HBox([self._title, self.upload.widget, self.refresh, self.close_button])
        head.add_class("lx-row")
        style = widgets.HTML(STYLE + GALLERY, layout={"display": "none"})
        filters, bar, sheet = self._sheets
        box = widgets.VBox([style, head, filters, bar, self.status_line.widget, sheet])
        box.add_class("lx-gallery")
        return box

    def close(self) -> None:
        """Lets go of every widget."""
        self._page_turns += 1
        for widget in _all(self.box):
            widget.close()


def _all(widget: Any) -> Iterator[Any]:
    """A widget, all that is in it, and what they are laid out by."""
    for child in getattr(widget, "children", ()):
        yield from _all(child)
    yield widget
    for name in ("layout", "style"):
        if hasattr(getattr(widget, name, None), "close"):
            yield getattr(widget, name)
