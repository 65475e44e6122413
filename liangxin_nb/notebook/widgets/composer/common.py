"""Shared by the parts of the panel: labels, buttons, and handlers that show their errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from ..handlers import report_errors

__all__ = ["ErrorBoundary", "button", "humanize", "relative_path", "section_title", "with_class"]


def section_title(text: str) -> Any:
    """Create a heading."""
    return widgets.HTML(Markup("<h3>{}</h3>").format(text))


def humanize(name: str) -> str:
    """Return the label for an input of the API: ``num_images`` becomes ``Num images``."""
    return name.replace("_", " ").capitalize()


def relative_path(path: str | Path) -> str:
    """Return a path relative to the working directory if it is inside, else unchanged."""
    try:
        return Path(path).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def with_class(widget: Any, *names: str) -> Any:
    """Add CSS classes to a widget, and return it."""
    for name in names:
        widget.add_class(name)
    return widget


def button(label: str, tooltip: str, on_click: Callable[[], object], **options: Any) -> Any:
    """Create a button; `options` are those of the widget."""
    widget = widgets.Button(description=label, tooltip=tooltip, **options)
    widget.on_click(lambda _: on_click())
    return widget


class ErrorBoundary:
    """Runs handlers one at a time, and shows their errors in a line.

    Attributes:
        line: The widget with the last message; its height is constant.
    """

    line: Any

    def __init__(self) -> None:
        self.line = with_class(widgets.HTML(layout={"min_height": "20px"}), "lx-grow")
        # Events can arrive on another thread while a handler is running.
        self._lock = threading.RLock()

    def __call__(self, handler: Callable[[], object]) -> Callable[..., None]:
        """Wrap a handler; the arguments that a widget passes are dropped."""

        def handle() -> None:
            before, has_error = self.line.value, "lx-wrong" in self.line.value
            handler()
            if has_error and self.line.value == before:
                self.show()  # the earlier error no longer applies

        return report_errors(handle, self.show_error, lock=self._lock)

    def show(self, text: str = "") -> None:
        """Show a message; without a text, clear the line."""
        html = Markup('<div role="status" class="lx-soft">{}</div>')
        self.line.value = html.format(text) if text else ""

    def show_error(self, text: str) -> None:
        """Show an error, which screen readers announce at once."""
        self.line.value = Markup('<div role="alert" class="lx-wrong">{}</div>').format(text)
