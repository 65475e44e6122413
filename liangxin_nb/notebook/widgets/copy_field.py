"""A field to copy a text from.

A kernel cannot write to the browser's clipboard without JavaScript.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

__all__ = ["CopyField"]


class CopyField:
    """A text in a focused field.

    Attributes:
        box: The widget.
    """

    box: Any

    def __init__(self) -> None:
        tooltip = "Ctrl+A and Ctrl+C copy it; Cmd on a Mac"
        self.box = widgets.Textarea(tooltip=tooltip, layout={"display": "none"})
        self.box.add_class("lx-copy")

    def toggle(self, text: str, label: str) -> None:
        """Show a text, or hide it if it is shown already."""
        was_shown = self.box.layout.display is None and self.box.value == text
        self.box.value, self.box.rows = text, min(8, 1 + text.count("\n"))
        self.box.description = f"{label}, to be copied with Ctrl+A and Ctrl+C"
        self.box.layout.display = "none" if was_shown else None
        if not was_shown and hasattr(self.box, "focus"):  # ipywidgets 7 cannot
            self.box.focus()
