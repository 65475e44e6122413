"""What the form says, as code: clicking teaches typing."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from liangxin_nb.catalog import ModelSpec
from liangxin_nb.catalog.codegen import to_cell_source, to_python_source
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError

from .common import with_class

__all__ = ["CodePreview"]

_HOW = "Click into it, then Ctrl+A and Ctrl+C copy it (Cmd on a Mac)"


class CodePreview:
    """Two fields to copy from: the cell, and the Python call."""

    def __init__(self) -> None:
        self._cell, self._call = (
            with_class(
                widgets.Textarea(description=word, tooltip=_HOW, rows=7, placeholder=wait),
                "lx-code",
            )
            for word, wait in (
                ("The same as a cell", "Write a prompt above."),
                ("The same in Python", "Write a prompt above."),
            )
        )
        self.note = with_class(widgets.HTML(), "lx-hint", "lx-wide")
        self.widget = with_class(widgets.Box([self._cell, self._call, self.note]), "lx-codes")

    def clear(self) -> None:
        """Nothing to teach while there is no prompt."""
        self._cell.value = self._call.value = ""

    def show(self, model: ModelSpec, request: Request, images: Sequence[str], note: str) -> None:
        """Writes both for a request; `images`: what stands for its references."""
        try:
            self._cell.value = to_cell_source(model, request, images)
        except InvalidRequestError as error:
            self._cell.value = f"# {error}"
        self._call.value = to_python_source(model, request, images)
        self.note.value = note
