"""The code that does what the form does: a cell and a Python call."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.catalog import ModelSpec
from liangxin_nb.catalog.codegen import to_cell_source, to_python_source
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError

from .common import with_class

__all__ = ["CodePreview"]

_COPY_TOOLTIP = "Click into it, then Ctrl+A and Ctrl+C copy it (Cmd on a Mac)"


class CodePreview:
    """Two fields to copy from: the cell and the Python call."""

    def __init__(self) -> None:
        self._cell, self._call = (
            with_class(
                widgets.Textarea(
                    description=label,
                    tooltip=_COPY_TOOLTIP,
                    rows=7,
                    placeholder="Write a prompt above.",
                ),
                "lx-code",
            )
            for label in ("As a cell", "In Python")
        )
        self._note = with_class(widgets.HTML(), "lx-hint", "lx-wide")
        self.widget = with_class(widgets.Box([self._cell, self._call, self._note]), "lx-codes")

    def clear(self, reason: str = "") -> None:
        """Show no code; instead, why there is none."""
        self._cell.value = self._call.value = ""
        self._note.value = Markup("{}").format(f"No code yet. {reason}" if reason else "")

    def show(self, model: ModelSpec, request: Request, images: Sequence[str], note: str) -> None:
        """Show the code for a request.

        Args:
            model: The model.
            request: The request, without reference pictures.
            images: The names of the reference pictures.
            note: A remark below the code, as plain text.
        """
        try:
            self._cell.value = to_cell_source(model, request, images)
        except InvalidRequestError as error:
            self._cell.value = f"# {error}"
        self._call.value = to_python_source(model, request, images)
        self._note.value = note
