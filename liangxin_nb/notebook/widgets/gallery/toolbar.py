"""The row above the grid: the position of the page, and actions on the selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from .controls import DeleteButton, StatusLine
from .selection import Selection

__all__ = ["Toolbar"]


class Toolbar:
    """Buttons that turn pages and act on the selection; none of them moves.

    Attributes:
        box: The widget.
        previous: Shows the previous page.
        next: Shows the next page.
        compare: Compares the selected entries.
        export: Exports them.
        clear: Selects nothing.
        delete: Deletes them.
    """

    box: Any
    previous: Any
    next: Any
    compare: Any
    export: Any
    clear: Any
    delete: DeleteButton

    def __init__(
        self, status_line: StatusLine, turn_page: Callable[[int], None], selection: Selection
    ) -> None:
        """Create the row.

        Args:
            status_line: Where errors are shown.
            turn_page: Moves by a number of pages.
            selection: What the actions apply to.
        """
        button = status_line.button
        self.previous = button("Previous", "The previous page", lambda: turn_page(-1))
        self.next = button("Next", "The next page", lambda: turn_page(1))
        self._position, self._selected = widgets.HTML(), widgets.HTML()
        self.compare = button("Compare", "Shows the selected ones side by side", selection.compare)
        self.export = button(
            "Export", "Writes the selected ones with their metadata into a zip", selection.export
        )
        self.clear = button("Clear", "Selects nothing", selection.clear, own_layout=True)
        self.delete = DeleteButton(
            status_line,
            "Moves the selected ones to the trash; asks first",
            selection.ask,
            selection.delete,
        )
        pages = widgets.HBox([self.previous, self.next, self._position])
        actions = widgets.HBox(
            [self._selected, self.compare, self.export, self.clear, self.delete.button]
        )  # fmt: skip
        actions.add_class("lx-push")
        self.box = widgets.HBox([pages, actions])
        for row in (pages, actions, self.box):
            row.add_class("lx-row")

    @property
    def buttons(self) -> list[Any]:
        """All buttons."""
        return [
            self.previous, self.next, self.compare, self.export, self.delete.button, self.clear,
        ]  # fmt: skip

    def show_position(self, first: int, shown: int, total: int, page_size: int) -> None:
        """Show which entries are on the page.

        Args:
            first: The index of the first one.
            shown: How many there are.
            total: How many there are on all pages.
            page_size: How many a page has at most.
        """
        text = f"{first + 1:,}–{first + shown:,} of {total:,}" if shown else "nothing to show"
        self._position.value = Markup('<span class="lx-count">{}</span>').format(text)
        _set_enabled(self.previous, first > 0)
        _set_enabled(self.next, first + page_size < total)

    def show_selected(self, count: int) -> None:
        """Show how many entries are selected."""
        text = f"{count:,} selected" if count else "Nothing selected"
        self._selected.value = Markup('<span class="lx-count lx-soft">{}</span>').format(text)
        self.delete.reset()
        _set_enabled(self.compare, count > 1)
        for button in (self.export, self.delete.button, self.clear):
            _set_enabled(button, count > 0)


def _set_enabled(widget: Any, enabled: bool) -> None:
    if widget.disabled == enabled:
        widget.disabled = not enabled
