"""The gallery: everything that was ever made, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets

from liangxin_nb.library import Entry, Shelf

from ..theme import STYLE, release
from .controls import Line, shown
from .detail_controller import Opened
from .filters import MEDIUM, Filters
from .handoff import Hands
from .selection import Selection
from .style import GALLERY, SANDBOX, many
from .tile_grid import Sheet, focus
from .toolbar import Bar
from .upload import Upload

__all__ = ["PAGE", "Gallery"]

#: Tiles of a page: full rows of two, three, four, six and eight.
PAGE = 24
_FIRST = (
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
        shelf: Shelf,
        later: Callable[[Callable[[], None]], None],
        closed: Callable[[], None],
        hands: Hands | None = None,
        *,
        sandbox: bool = False,
    ) -> None:
        self._shelf, self._later, self._label = shelf, later, SANDBOX if sandbox else ""
        self._first, self._total, self._turn = 0, 0, 0
        self._left: Callable[[list[Entry]], None] | None = None
        self.entries: list[Entry] = []
        self.line = line = Line()
        self.selection = Selection(shelf, line, self)
        self.opened = Opened(shelf, line, hands or Hands(), self)
        self.bar = Bar(line, lambda by: self.turn(self._first + by * PAGE), self.selection)
        self.sheet = Sheet(line, self.open, self.selection.pick)
        self.filters = Filters(line.guarded(self._filtered), self.sheet.resize)
        self.filters.reset.on_click(line.guarded(self._reset))
        self.refresh = line.button("Refresh", "Looks into the ledger again", self._again)
        self.upload = Upload(line, self._read)
        self.close_button = line.button(
            "Close", "Leaves this page as one picture, which needs no kernel", closed
        )
        self.box = self._laid_out()
        self.sheet.resize(MEDIUM)
        self.bar.chosen(0)
        line.guarded(self._again)()

    # ---- what is shown

    def turn(self, first: int) -> None:
        """Shows the page that begins with the entry numbered `first`."""
        self.line.say("")
        self._draw(first)

    def open(self, entry: Entry) -> None:
        """Shows one entry large."""
        self.opened.open(entry)
        self._turned_to(self.opened.view.box, self.opened.view.back)

    def compared(self, html: str) -> None:
        """Shows a comparison in place of the contact sheet."""
        back, table, box = self._beside
        table.value = html
        self._turned_to(box, back)

    def back(self) -> None:
        """Shows the contact sheet again."""
        self._show(None)
        if "_beside" in self.__dict__:
            self._beside[1].value = ""
        if self.opened.entry is not None:
            self.sheet.focus(self.opened.entry)

    def beside(self, entry: Entry, step: int) -> None:
        """Opens the entry before or after this one, on the next page if need be."""
        ids = [one.id for one in self.entries]
        place = self._first + ids.index(entry.id) + step if entry.id in ids else self._first
        if not 0 <= place < self._total:
            self.line.say("There is none before it." if step < 0 else "There is none after it.")
            return
        if not self._first <= place < self._first + PAGE:
            self._draw(place - place % PAGE)
        self.opened.open(self.entries[place - self._first])

    def changed(self) -> None:
        """Draws the page anew: the ledger has changed."""
        self._again()

    def deleted(self, id: str) -> None:
        """Draws the page anew without this one, and goes back to it."""
        self.selection.drop(id)
        self._again()
        self.back()

    def ticked(self) -> None:
        """Ticks the boxes of what is selected."""
        self.sheet.choose(self.selection.ids)

    def counted(self, count: int) -> None:
        """Says how many are selected."""
        self.bar.chosen(count)

    def later(self, work: Callable[[], None]) -> None:
        """Does work off the kernel's main thread; what goes wrong in it is said here too."""
        self._later(self.line.watched(work))

    def leave(self, draw: Callable[[list[Entry]], None]) -> None:
        """Has a page drawn for whoever opens the notebook without a kernel, now and when the
        ledger has changed; not as pages turn, for each is a message of the picture's size."""
        self._left = draw
        self.later(lambda: draw(self.entries))

    # ---- how it is drawn

    def _again(self) -> None:
        self._draw(self._first)
        # The lists of the filters come a moment later than the pictures.
        self.later(self._offer)
        if self._left is not None:
            self.leave(self._left)

    def _offer(self) -> None:
        models, batches = self._shelf.models(), self._shelf.batches()
        with self.line.lock:
            self.filters.offer(models, batches)

    def _filtered(self) -> None:
        if not self.filters.quiet:
            self.turn(0)

    def _reset(self) -> None:
        self.filters.clear()
        self.turn(0)

    def _draw(self, first: int) -> None:
        wanted = self.filters.wanted
        total = self._shelf.count(wanted)
        self._first = max(0, min(first, (total - 1) // PAGE * PAGE))
        self._total, self._turn = total, self._turn + 1
        self.entries = self._shelf.page(wanted, first=self._first, most=PAGE)
        small = [self._shelf.held(entry) if entry.visible else b"" for entry in self.entries]
        words = [self._shelf.words(entry) for entry in self.entries]
        self.sheet.show(self.entries, small, words, self.selection.ids)
        self.sheet.say("" if self.entries else _FIRST if self.filters.plain else _NO_MATCH)
        self.bar.place(self._first, len(self.entries), total, PAGE)
        both = zip(self.entries, small, strict=True)
        if missing := [entry for entry, data in both if not data and entry.seen]:
            self.later(partial(self._fill, self._turn, missing))
        self._titled(total)
        # Whatever was sent last decides who hears the next press: let the frontend choose again.
        release(*self._controls())

    def _fill(self, turn: int, missing: list[Entry]) -> None:
        """Makes the thumbnails that there are not yet, as long as their page is shown."""
        for entry in missing:
            picture = self._shelf.thumbnail(entry)
            with self.line.lock:
                if self._turn != turn:
                    return
                self.sheet.fill(entry, picture)

    def _titled(self, total: int) -> None:
        label = f'<span class="lx-small">{self._label}</span>' if self._label else ""
        count = f'<span class="lx-soft lx-count">{many(total)}</span>'
        self._title.value = f'<div class="lx-title"><b>Gallery</b>{count}{label}</div>'

    def _read(self, data: bytes) -> None:
        if self.opened.read(data):
            self._turned_to(self.opened.view.box, self.opened.view.back)

    def _turned_to(self, view: Any, first: Any) -> None:
        """Shows a view and puts the keyboard on its first control."""
        self._show(view)
        release(*self._controls())
        focus(first)

    def _show(self, view: Any) -> None:
        """Shows the contact sheet with its filters, or another view in its place."""
        for widget in self._sheets:
            shown(widget, view is None)
        for other in self._views:
            shown(other, view is other)
        if view is not None and view not in self._views:
            self._views.append(view)
            self.box.children = (*self.box.children, view)

    def _controls(self) -> Iterator[Any]:
        yield from (*self.filters.asking, self.filters.size, self.filters.reset)
        yield from (self.refresh, self.upload.widget, self.close_button)
        yield from (*self.bar.buttons, *self.sheet.controls)
        if self._views:
            yield from (*self.opened.view.buttons, self._beside[0])

    @cached_property
    def _beside(self) -> tuple[Any, Any, Any]:
        """The way back, the table, and both in one box; made when it is first needed."""
        back = self.line.button("Back to all", "Shows the contact sheet again", self.opened.back)
        table = widgets.HTML()
        box = widgets.VBox([widgets.HBox([back]), table])
        box.add_class("lx-view")
        return back, table, box

    def _laid_out(self) -> Any:
        self._title = widgets.HTML()
        self._title.layout.flex = "1 1 200px"
        self._views: list[Any] = []
        self._sheets = (self.filters.box, self.bar.box, self.sheet.box)
        head = widgets.HBox([self._title, self.upload.widget, self.refresh, self.close_button])
        head.add_class("lx-row")
        style = widgets.HTML(STYLE + GALLERY, layout={"display": "none"})
        filters, bar, sheet = self._sheets
        box = widgets.VBox([style, head, filters, bar, self.line.widget, sheet])
        box.add_class("lx-gallery")
        return box

    def close(self) -> None:
        """Lets go of every widget."""
        self._turn += 1
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
