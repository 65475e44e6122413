"""The row above the contact sheet: which page it is, and what to do with what is selected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .controls import ConfirmButton, StatusLine
from .selection import Selection

__all__ = ["Toolbar"]


class Toolbar:
    """Previous and next page, and the deeds for the selected ones; nothing in it moves.

    `turn` goes on by so many pages.
    """

    def __init__(
        self, status_line: StatusLine, turn: Callable[[int], None], actions: Selection
    ) -> None:
        button = status_line.button
        self.previous = button("Previous", "The page before", lambda: turn(-1))
        self.next = button("Next", "The page after", lambda: turn(1))
        self._where = widgets.HTML()
        self._selected = widgets.HTML()
        self.compare = button("Compare", "Shows the selected ones side by side", actions.compare)
        self.export = button(
            "Export", "Writes the selected ones and their stories into a zip", actions.export
        )
        self.clear = button("Clear", "Selects nothing", actions.clear, own=True)
        self.delete = ConfirmButton(
            status_line,
            "Deletes the files of the selected ones; asks first",
            actions.ask,
            actions.delete,
            beside=self.clear,
        )
        pages = widgets.HBox([self.previous, self.next, self._where])
        chosen = widgets.HBox(
            [self._selected, self.compare, self.export, self.clear, self.delete.cancel,
             self.delete.button]
        )  # fmt: skip
        chosen.add_class("lx-push")
        self.box = widgets.HBox([pages, chosen])
        for row in (pages, chosen, self.box):
            row.add_class("lx-row")

    @property
    def buttons(self) -> list[Any]:
        """All of them."""
        return [
            self.previous, self.next, self.compare, self.export, self.delete.button,
            self.delete.cancel, self.clear,
        ]  # fmt: skip

    def show_position(self, first: int, shown: int, total: int, size: int) -> None:
        """Says which part of the whole is shown."""
        where = f"{first + 1:,}–{first + shown:,} of {total:,}" if shown else "nothing to show"
        self._where.value = f'<span class="lx-count">{where}</span>'
        self._enable(self.previous, first > 0)
        self._enable(self.next, first + size < total)

    def show_selected(self, count: int) -> None:
        """Says how many are selected."""
        said = f"{count:,} selected" if count else "Nothing selected"
        self._selected.value = f'<span class="lx-count lx-soft">{said}</span>'
        self.delete.reset()
        self._enable(self.compare, count > 1)
        for one in (self.export, self.delete.button, self.clear):
            self._enable(one, count > 0)

    def _enable(self, widget: Any, enabled: bool) -> None:
        if widget.disabled == enabled:
            widget.disabled = not enabled
