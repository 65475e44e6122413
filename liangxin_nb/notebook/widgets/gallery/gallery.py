"""The gallery: all results, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.core.formatting import format_count
from liangxin_nb.library import Library, LibraryEntry

from ....core.state_style import SANDBOX_NOTICE
from ..theme import allow_events_while_busy, style_sheet
from .controls import StatusLine, focus, make_upload, set_visible
from .detail_controller import DetailController
from .filters import DEFAULT_SIZE, Filters
from .handoff import Handoff
from .selection import Selection
from .tile_grid import TileGrid
from .toolbar import Toolbar
from .trash_actions import TrashActions

__all__ = ["PAGE_SIZE", "Gallery"]

#: Tiles of a page: full rows of two, three, four, six and eight.
PAGE_SIZE: int = 24
_EMPTY = Markup(
    "<b>No results yet.</b><br>Write <code>%%liangxin</code> above a prompt and run the cell; "
    "its picture then appears here."
)
_NO_MATCH = Markup("<b>Nothing fits these filters.</b><br>Remove a word or a day, or reset them.")


class Gallery:
    """The gallery of a library.

    Attributes:
        box: The widget.
        entries: The entries of the page.
        status_line: The last message.
        selection: The selected entries.
        detail: The open entry.
        toolbar: The row above the grid.
        grid: The tiles.
        filters: What is shown.
        refresh: Reads the ledger again.
        trash: Deletes results and brings them back.
        upload: Reads the metadata of a picture file.
        close_button: Closes the gallery.
    """

    box: Any
    entries: list[LibraryEntry]
    status_line: StatusLine
    selection: Selection
    detail: DetailController
    toolbar: Toolbar
    grid: TileGrid
    filters: Filters
    refresh: Any
    trash: TrashActions
    upload: Any
    close_button: Any

    def __init__(
        self,
        library: Library,
        run_in_background: Callable[[Callable[[], None]], None],
        on_close: Callable[[], None],
        handoff: Handoff | None = None,
        *,
        sandbox: bool = False,
    ) -> None:
        """Create the gallery, and show the first page.

        Args:
            library: The results.
            run_in_background: Runs slow work outside the kernel's main thread.
            on_close: Called by the button *Close*.
            handoff: Where requests and pictures are sent; default: the composer opened last.
            sandbox: Whether to say that pictures are drawings of the sandbox.
        """
        self._library, self._run_in_background = library, run_in_background
        self._label = SANDBOX_NOTICE if sandbox else ""
        self._first, self._total, self._draw_count = 0, 0, 0
        self._on_reload: Callable[[list[LibraryEntry]], None] | None = None
        self.entries = []
        self.status_line = status_line = StatusLine()
        self.trash = TrashActions(library, status_line, self._on_trash)
        self.selection = Selection(library, status_line, self, self.trash)
        self.detail = DetailController(library, status_line, handoff or Handoff(), self, self.trash)
        self.toolbar = Toolbar(
            status_line, lambda by: self.show_page(self._first + by * PAGE_SIZE), self.selection
        )
        self.grid = TileGrid(status_line, self.open, self.selection.pick)
        self.filters = Filters(status_line.handler(self._on_filter), self.grid.resize)
        self.filters.reset.on_click(status_line.handler(self._reset_filters))
        self.refresh = status_line.button("Refresh", "Reads the ledger again", self.reload)
        self.upload = make_upload(status_line, self._open_file)
        self.close_button = status_line.button(
            "Close", "Replaces the gallery with a picture of this page", on_close
        )
        self.box = self._build_box()
        self.grid.resize(DEFAULT_SIZE)
        self.toolbar.show_selected(0)
        status_line.handler(self.reload)()

    # ---- what is shown

    def show_page(self, first: int) -> None:
        """Show the page that begins with the entry of this index."""
        self.status_line.show("")
        self._draw(first)

    def open(self, entry: LibraryEntry) -> None:
        """Show one entry large."""
        self.detail.open(entry)
        self._switch_to(self.detail.view.box, self.detail.view.back)

    def show_comparison(self, html: Markup) -> None:
        """Show a comparison in place of the grid."""
        back, table, box = self._comparison
        table.value = html
        self._switch_to(box, back)

    def back(self) -> None:
        """Show the grid again."""
        self._show(None)
        if "_comparison" in self.__dict__:
            self._comparison[1].value = ""  # frees its pictures
        if self.detail.entry is not None:
            self.grid.focus(self.detail.entry)

    def open_neighbour(self, entry: LibraryEntry, step: int) -> None:
        """Open the entry before or after this one, on another page if necessary."""
        ids = [other.id for other in self.entries]
        index = self._first + ids.index(entry.id) + step if entry.id in ids else self._first
        if not 0 <= index < self._total:
            side = "before" if step < 0 else "after"
            self.status_line.show(f"There is none {side} it.")
            return
        if not self._first <= index < self._first + PAGE_SIZE:
            self._draw(index - index % PAGE_SIZE)
        self.detail.open(self.entries[index - self._first])

    def reload(self) -> None:
        """Read the page again, because the ledger has changed."""
        self._draw(self._first)
        # The choices of the filters may appear later than the pictures.
        self.run_in_background(self._load_choices)
        if self._on_reload is not None:
            self.on_reload(self._on_reload)

    def _on_trash(self, ids: list[str]) -> None:
        """Show the page after results were deleted or restored."""
        for job_id in ids:
            self.selection.remove(job_id)
        self.reload()
        if self.grid.box.layout.display == "none":
            self.back()

    def update_selection(self) -> None:
        """Show which entries are selected, and how many."""
        self.grid.set_selected(self.selection.ids)
        self.toolbar.show_selected(len(self.selection.ids))

    def run_in_background(self, work: Callable[[], None]) -> None:
        """Run slow work outside the kernel's main thread; its errors are shown."""
        self._run_in_background(self.status_line.background_task(work))

    def on_reload(self, draw: Callable[[list[LibraryEntry]], None]) -> None:
        """Call a function with the page now, and when the ledger has changed.

        Turning pages does not call it: each call sends a message of the size of a picture.
        """
        self._on_reload = draw
        self.run_in_background(lambda: draw(self.entries))

    # ---- how it is drawn

    def _load_choices(self) -> None:
        models, batches = self._library.models(), self._library.batches()
        with self.status_line.lock:
            self.filters.set_choices(models, batches)

    def _on_filter(self) -> None:
        if not self.filters.is_updating:
            self.show_page(0)

    def _reset_filters(self) -> None:
        self.filters.clear()
        self.show_page(0)

    def _draw(self, first: int) -> None:
        library, query = self._library, self.filters.query
        total = library.count(query)
        self._first = max(0, min(first, (total - 1) // PAGE_SIZE * PAGE_SIZE))
        self._total, self._draw_count = total, self._draw_count + 1
        self.entries = entries = library.page(query, first=self._first, limit=PAGE_SIZE)
        thumbnails = [library.cached_thumbnail(e) if e.visible else b"" for e in entries]
        excerpts = [library.text_excerpt(entry) for entry in entries]
        self.grid.show(entries, thumbnails, excerpts, self.selection.ids)
        message = _EMPTY if self.filters.is_default else _NO_MATCH
        self.grid.show_message(Markup() if entries else message)
        self.toolbar.show_position(self._first, len(entries), total, PAGE_SIZE)
        pairs = zip(entries, thumbnails, strict=True)
        if missing := [entry for entry, data in pairs if not data and entry.preview_files]:
            self.run_in_background(partial(self._make_thumbnails, self._draw_count, missing))
        self._title.value = self._title_html(total)
        # The last message decides which thread handles the next event; see the function.
        allow_events_while_busy(*self._controls())

    def _make_thumbnails(self, draw_count: int, missing: list[LibraryEntry]) -> None:
        """Make missing thumbnails as long as their page is shown."""
        for entry in missing:
            picture = self._library.thumbnail(entry)
            with self.status_line.lock:
                if self._draw_count != draw_count:
                    return
                self.grid.show_picture(entry, picture)

    def _title_html(self, total: int) -> Markup:
        label = Markup('<span class="lx-small">{}</span>').format(self._label)
        return Markup(
            '<div class="lx-title"><b>Gallery</b><span class="lx-soft lx-count">{}</span>{}</div>'
        ).format(format_count(total, "result"), label if self._label else "")

    def _open_file(self, data: bytes) -> None:
        if self.detail.open_file(data):
            self._switch_to(self.detail.view.box, self.detail.view.back)

    def _switch_to(self, view: Any, first_control: Any) -> None:
        """Show a view, and give its first control the keyboard focus."""
        self._show(view)
        allow_events_while_busy(*self._controls())
        focus(first_control)

    def _show(self, view: Any) -> None:
        """Show a view, or with None the grid and its filters."""
        for widget in self._grid_parts:
            set_visible(widget, view is None)
        for other in self._views:
            set_visible(other, view is other)
        if view is not None and view not in self._views:
            self._views.append(view)
            self.box.children = (*self.box.children, view)

    def _controls(self) -> Iterator[Any]:
        yield from (*self.filters.query_controls, self.filters.size, self.filters.reset)
        yield from (self.refresh, self.upload, self.close_button, self.trash.undo)
        yield from (self.status_line.confirm, self.status_line.keep)
        yield from (*self.toolbar.buttons, *self.grid.controls)
        if self._views:
            yield from (*self.detail.view.controls, self._comparison[0])

    @cached_property
    def _comparison(self) -> tuple[Any, Any, Any]:
        """The back button, the table, and the box with both; created when first needed."""
        back = self.status_line.button("Back to all", "Shows all results again", self.detail.back)
        table = widgets.HTML()
        box = widgets.VBox([widgets.HBox([back]), table])
        box.add_class("lx-view")
        return back, table, box

    def _build_box(self) -> Any:
        self._title = widgets.HTML()
        self._title.layout.flex = "1 1 200px"
        self._views: list[Any] = []
        self._grid_parts = (self.filters.box, self.toolbar.box, self.grid.box)
        head = widgets.HBox(
            [self._title, self.trash.undo, self.upload, self.refresh, self.close_button]
        )
        head.add_class("lx-row")
        style = widgets.HTML(style_sheet("card", "gallery"), layout={"display": "none"})
        filters, toolbar, grid = self._grid_parts
        box = widgets.VBox([style, head, filters, toolbar, self.status_line.widget, grid])
        box.add_class("lx-gallery")
        return box

    def close(self) -> None:
        """Close all widgets."""
        self._draw_count += 1
        for widget in _iter_widgets(self.box):
            widget.close()


def _iter_widgets(widget: Any) -> Iterator[Any]:
    """Yield all widgets in a widget, itself, and their layouts and styles."""
    for child in getattr(widget, "children", ()):
        yield from _iter_widgets(child)
    yield widget
    for name in ("layout", "style"):
        if hasattr(getattr(widget, name, None), "close"):
            yield getattr(widget, name)
