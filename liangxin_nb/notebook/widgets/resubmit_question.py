"""The question before a request is sent again although its work may exist already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

__all__ = ["ResubmitQuestion"]

MakeButton = Callable[[str, str, Callable[[], object]], Any]


class ResubmitQuestion:
    """A warning with two buttons, below the button that was clicked.

    Attributes:
        box: The widget.
        keep: Sends nothing.
        send: Sends the request.
    """

    box: Any
    keep: Any
    send: Any

    def __init__(self, make_button: MakeButton, hide: Callable[[], object]) -> None:
        """Create the question.

        Args:
            make_button: Creates a button from its label, tooltip and action.
            hide: Hides the question.
        """
        self._act: Callable[[], object] = lambda: None
        self._warning = widgets.HTML()
        self.keep = make_button("Do not send", "Sends nothing", hide)
        self.send = make_button(
            "Send a new task", "Creates a new task, billed separately", lambda: self._act()
        )
        row = widgets.HBox([self.keep, self.send])
        row.add_class("lx-row")
        self.box = widgets.VBox([self._warning, row])
        self.box.add_class("lx-question")

    def ask(self, warning: str, act: Callable[[], object]) -> None:
        """Show a warning, and the buttons that confirm an action or drop it."""
        self._act = act
        self._warning.value = Markup('<div role="alert">{}</div>').format(warning)
