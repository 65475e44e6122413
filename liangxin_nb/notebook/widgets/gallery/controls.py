"""Shared by the parts of the gallery: the status line with its buttons, deletion, and upload."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.core.formatting import shorten
from liangxin_nb.library import LibraryEntry

from ..handlers import report_errors
from ..uploads import take_files

__all__ = [
    "DeleteButton",
    "GalleryHost",
    "StatusLine",
    "focus",
    "html_output",
    "make_upload",
    "set_visible",
]

_MAX_ERROR_LENGTH = 600


def set_visible(widget: Any, visible: bool) -> None:
    """Show or hide a widget; sends nothing if that changes nothing."""
    display = None if visible else "none"
    if widget.layout.display != display:
        widget.layout.display = display


def focus(widget: Any) -> None:
    """Give a widget the keyboard focus; ipywidgets 7 cannot."""
    if hasattr(widget, "focus"):
        widget.focus()


def html_output(html: str) -> dict[str, Any]:
    """Return an output for an ``Output`` widget: in others, relative links do not work."""
    data = {"text/html": str(html), "text/plain": ""}
    return {"output_type": "display_data", "data": data, "metadata": {}}


class GalleryHost(Protocol):
    """The gallery, as its parts use it."""

    def back(self) -> None:
        """Show the grid again."""

    def open_neighbour(self, entry: LibraryEntry, step: int) -> None:
        """Open the entry before or after this one."""

    def reload(self) -> None:
        """Read the page again, because the ledger has changed."""

    def run_in_background(self, work: Callable[[], None]) -> None:
        """Run slow work outside the kernel's main thread."""

    def show_comparison(self, html: Markup) -> None:
        """Show a comparison in place of the grid."""

    def update_selection(self) -> None:
        """Show which entries are selected, and how many."""


class StatusLine:
    """A line with the last message, and the handlers and buttons that report to it.

    Attributes:
        widget: The widget.
        confirm: The button that does what the last question asked.
        keep: The button that does not.
        lock: Held by every handler, because they can run on several threads; and while results of
            background work are drawn.
    """

    widget: Any
    confirm: Any
    keep: Any
    lock: threading.RLock

    def __init__(self) -> None:
        self._text, self._link = widgets.HTML(""), widgets.Output()
        self._link.add_class("lx-links")
        self._first_button: Any = None
        self.lock = threading.RLock()
        self._act: Callable[[], object] = bool
        self.confirm = self.button(
            "", "Does what the question says", self._confirm, own_layout=True
        )
        self.confirm.button_style = "danger"
        self.keep = self.button("Keep", "Changes nothing", self._on_keep, own_layout=True)
        self.widget = widgets.HBox([self._text, self._link, self.confirm, self.keep])
        self.widget.add_class("lx-row")
        self.widget.add_class("lx-message")
        self._show_answers(False)

    def show(self, text: str, file: tuple[str, str] | None = None) -> None:
        """Show a message.

        Args:
            text: The message; an empty one clears the line.
            file: Name and address of a file to download, shown after the message.
        """
        self._show(Markup('<span role="status">{}</span>').format(text) if text else Markup())
        if file is not None:
            name, url = file
            link = Markup('<a href="{}" download>{}</a>').format(url, name)
            self._link.outputs = (html_output(link),)

    def ask(self, question: str, answer: str, act: Callable[[], object]) -> None:
        """Show a question with two buttons: one that acts, and *Keep*, which has the focus.

        Args:
            question: The question.
            answer: The label of the button that acts.
            act: Called when it is clicked.
        """
        self.show(question)
        self.confirm.description, self._act = answer, act
        self._show_answers(True)
        focus(self.keep)

    def withdraw(self) -> None:
        """Remove a question that has not been answered: what it asks about has changed."""
        if self._is_asking:
            self.show("")

    def _confirm(self) -> None:
        if self._is_asking:  # else the click was sent before the page has hidden the button
            self._show_answers(False)
            self._act()

    def _on_keep(self) -> None:
        self.show("Nothing was deleted.")

    def _show_answers(self, visible: bool) -> None:
        self._is_asking = visible
        for button in (self.confirm, self.keep):
            set_visible(button, visible)

    def show_error(self, text: str) -> None:
        """Show an error."""
        html = Markup('<span role="alert" class="lx-error">✕ {}</span>')
        self._show(html.format(shorten(text, _MAX_ERROR_LENGTH)))

    def _show(self, html: Markup) -> None:
        self._text.value = html
        self._show_answers(False)
        if self._link.outputs:
            self._link.outputs = ()

    def button(
        self, label: str, tooltip: str, act: Callable[[], object], *, own_layout: bool = False
    ) -> Any:
        """Create a button whose errors are shown here.

        All buttons share a style, and a layout unless they are hidden individually, because these
        are most of the cost of a widget.

        Args:
            label: The text on the button.
            tooltip: A longer explanation.
            act: What it does.
            own_layout: Whether the button has its own layout.
        """
        first = self._first_button
        shared = {} if first is None else {"style": first.style}
        if first is not None and not own_layout:
            shared["layout"] = first.layout
        button = widgets.Button(description=label, tooltip=tooltip, **shared)
        if not own_layout:  # the layout of a hidden button would hide all others
            self._first_button = first or button
        button.on_click(self.handler(act))
        return button

    def handler(self, act: Callable[[], object]) -> Callable[..., None]:
        """Wrap an event handler: one runs at a time, and its errors are shown here."""
        return report_errors(act, self.show_error, lock=self.lock)

    def background_task(self, work: Callable[[], object]) -> Callable[..., None]:
        """Wrap slow work: it does not block handlers, and its errors are shown here."""
        return report_errors(work, self.show_error)


class DeleteButton:
    """A delete button; the confirmation is a button in the status line.

    A double click can therefore not confirm: the second click is on the same button as the first.

    Attributes:
        button: *Delete*.
    """

    button: Any

    def __init__(
        self,
        status_line: StatusLine,
        tooltip: str,
        ask: Callable[[], str],
        delete: Callable[[], None],
    ) -> None:
        """Create the button.

        Args:
            status_line: Where the question and its answers are shown.
            tooltip: An explanation.
            ask: Returns the question, or an empty text if there is nothing to delete.
            delete: Called after the confirmation.
        """
        self._status_line, self._ask, self._delete = status_line, ask, delete
        self.button = status_line.button("Delete", tooltip, self._on_click, own_layout=True)
        self.button.add_class("lx-danger")

    def reset(self) -> None:
        """Remove a question that has not been answered."""
        self._status_line.withdraw()

    def _on_click(self) -> None:
        if question := self._ask():
            self._status_line.ask(question, "Move to the trash", self._delete)


def make_upload(status_line: StatusLine, read: Callable[[bytes], None]) -> Any:
    """Create a button that reads the metadata of a picture file.

    Args:
        status_line: Where errors are shown.
        read: Called with the content of the chosen file.
    """
    upload = widgets.FileUpload(
        accept=".png,.jpg,.jpeg,.webp", multiple=False, description="Open a picture's metadata"
    )
    upload.tooltip = "A PNG, JPEG or WebP made by this toolkit contains how it was made"
    upload.add_class("lx-upload")

    def on_change() -> None:
        for _, data in take_files(upload):  # at most one
            read(data)

    upload.observe(status_line.handler(on_change), names="value")
    return upload
