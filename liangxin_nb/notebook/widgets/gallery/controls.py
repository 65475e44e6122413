"""Small parts: the line that says what happened, buttons that cannot fail silently, two steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from liangxin_nb.errors import LiangxinError

__all__ = ["ConfirmButton", "StatusLine", "linked", "set_visible"]


def set_visible(widget: Any, visible: bool) -> None:
    """Shows or hides a widget; nothing is sent when it is so already."""
    display = None if visible else "none"
    if widget.layout.display != display:
        widget.layout.display = display


class StatusLine:
    """One line that says what happened last; `guarded` lets it say what went wrong as well.

    Presses arrive on whatever thread the kernel has for them: one is dealt with at a time.
    """

    def __init__(self) -> None:
        self._text, self._link = widgets.HTML(""), widgets.Output()
        self._link.add_class("lx-links")
        self.widget = widgets.HBox([self._text, self._link])
        self.widget.add_class("lx-row")
        self.widget.add_class("lx-said")
        self._first: Any = None
        #: Held while a press is dealt with, and while something made meanwhile is drawn.
        self.lock = threading.RLock()

    def show(self, text: str, file: tuple[str, str] | None = None) -> None:
        """Says a text; `file`: name and address of a file to download, which stands behind it."""
        self._show(f'<span role="status">{escape(text)}</span>' if text else "")
        if file is not None:
            name, address = map(escape, file)
            self._link.outputs = (linked(f'<a href="{address}" download>{name}</a>'),)

    def show_error(self, error: BaseException) -> None:
        """Says what went wrong."""
        known = isinstance(error, LiangxinError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        self._show(f'<span role="alert" class="lx-trouble">✕ {escape(text[:600])}</span>')

    def _show(self, html: str) -> None:
        self._text.value = html
        if self._link.outputs:
            self._link.outputs = ()

    def button(self, word: str, tip: str, act: Callable[[], object], *, own: bool = False) -> Any:
        """A button with a word and a longer explanation.

        All share one style, and one layout where it is not its own: most of what a widget costs
        are these two.
        """
        first = self._first
        more = {} if first is None else {"style": first.style}
        if first is not None and not own:
            more["layout"] = first.layout
        made = widgets.Button(description=word, tooltip=tip, **more)
        self._first = first or made
        made.on_click(self.guarded(act))
        return made

    def guarded(self, act: Callable[[], object]) -> Callable[..., None]:
        """A handler for any event; no one else would show what goes wrong in it."""

        def alone() -> None:
            with self.lock:
                act()

        return self.reporting(alone)

    def reporting(self, act: Callable[[], object]) -> Callable[..., None]:
        """Work that may take its time while presses are dealt with; its errors are shown too."""

        def handle(*_: object) -> None:
            try:
                act()
            except Exception as error:
                self.show_error(error)

        return handle


def linked(html: str) -> dict[str, Any]:
    """An output for an `Output` widget: only there the notebook resolves addresses beside it."""
    data = {"text/html": html, "text/plain": ""}
    return {"output_type": "display_data", "data": data, "metadata": {}}


class ConfirmButton:
    """A deed that is asked for and then confirmed, with two buttons that stay where they are.

    `ask` gives the question for the line, or an empty text when there is nothing to do; `beside`:
    a button that gives its place to *Keep* while the question stands.
    """

    def __init__(
        self,
        status_line: StatusLine,
        tip: str,
        ask: Callable[[], str],
        do: Callable[[], None],
        beside: Any = None,
    ) -> None:
        self._status_line, self._ask, self._do, self._beside = status_line, ask, do, beside
        self._asked = False
        self.button = status_line.button("Delete", tip, self._on_press, own=True)
        self.button.add_class("lx-danger")
        self.cancel = status_line.button("Keep", "Deletes nothing", self._on_cancel, own=True)
        set_visible(self.cancel, False)

    def reset(self) -> None:
        """Forgets that it was asked for."""
        if self._asked:
            self._show(False)

    def _on_press(self) -> None:
        if self._asked:
            self._show(False)
            self._do()
        elif question := self._ask():
            self._show(True)
            self._status_line.show(question)

    def _on_cancel(self) -> None:
        self._show(False)
        self._status_line.show("Nothing was deleted.")

    def _show(self, asked: bool) -> None:
        self._asked = asked
        self.button.description = "Delete for good" if asked else "Delete"
        self.button.button_style = "danger" if asked else ""
        set_visible(self.cancel, asked)
        if self._beside is not None:
            set_visible(self._beside, not asked)
