"""The output of a cell: first a live view, at the end a bundle that needs no kernel.

The final bundle never holds a widget view, which a reopened notebook could not draw, and never the
bytes of the original.
"""

from __future__ import annotations

import contextvars
import uuid
from collections.abc import Mapping
from typing import Any

from IPython.display import display, update_display
from markupsafe import Markup

from ...cell_outputs import CellOutput
from ...core.formatting import printable
from ...core.job_record import JobRecord
from ...core.printing import print_text
from .frontend import frontend

__all__ = ["OutputHandle", "display_widget", "kernel_notice", "widget_view"]


def widget_view(text: str, model_id: str) -> dict[str, Any]:
    """Return a bundle that shows a widget, and a text where it cannot be drawn.

    Built here because ipywidgets 7 has no function for it.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
    return {"text/plain": text, "application/vnd.jupyter.widget-view+json": view}


def display_widget(box: Any, name: str, command: str) -> None:
    """Show a widget, and below it a notice that stays when its kernel has ended.

    These are two outputs: a reopened notebook cannot draw the view, and shows nothing else of a
    bundle that contains one.

    Args:
        box: The widget.
        name: What the notice calls it.
        command: The command that opens it again.
    """
    display(widget_view(f"<{name}>", box.model_id), raw=True)
    if frontend() != "voila":  # its users cannot run a command
        display(kernel_notice(name, command), raw=True)


def kernel_notice(name: str, command: str, css_class: str = "lx-notice") -> dict[str, Any]:
    """Return the bundle of the notice that a widget needs its kernel."""
    text = f"The {name} closes with its kernel; {command} opens it again."
    html = Markup('<small class="{}" style="color: var(--jp-ui-font-color2, #616161)">{}</small>')
    return {"text/plain": text, "text/html": str(html.format(css_class, text))}


class OutputHandle:
    """An output below a cell that is shown once and can be replaced later.

    Its metadata names the job, so that a saved notebook is enough to find the task again.
    """

    def __init__(self, record: JobRecord | None = None, *, is_reusing: bool = False) -> None:
        self._id = f"liangxin-{uuid.uuid4().hex}"
        self._is_reusing = is_reusing
        self._record = record
        self._bundle: dict[str, Any] = {}

    def show(self, text: str, view: str | None = None) -> None:
        """Show a line of text, or a widget with that text where it cannot be drawn.

        Args:
            text: The line.
            view: The model id of the widget, or None.
        """
        self.show_bundle({"text/plain": text} if view is None else widget_view(text, view))

    def show_output(self, output: CellOutput) -> None:
        """Show a durable output."""
        self.show_bundle(output.data, output.metadata)

    def show_bundle(
        self, bundle: Mapping[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        """Show a MIME bundle.

        Args:
            bundle: The bundle.
            metadata: Its metadata; default: what finds the task again.
        """
        self._bundle = shown = _with_printable_text(bundle)
        if _prints_text():
            print_text(shown.get("text/plain", ""))
            return
        metadata = self._metadata() if metadata is None else metadata
        display(shown, raw=True, display_id=self._id, metadata=metadata)

    def set_record(self, record: JobRecord) -> None:
        """Add the task id to the metadata as soon as it is known: the notebook is a backup."""
        if record.task_id and (self._record is None or record.task_id != self._record.task_id):
            self.replace(self._bundle, record)

    def replace_output(self, output: CellOutput, record: JobRecord | None = None) -> None:
        """Replace what is shown by a durable output; can be called from any thread."""
        self.replace(output.data, record, output.metadata)

    def replace(
        self,
        bundle: Mapping[str, Any],
        record: JobRecord | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Replace what is shown; can be called from any thread.

        Args:
            bundle: The MIME bundle.
            record: The job that is shown.
            metadata: The metadata of the bundle; default: what finds the task again.
        """
        self._record = record
        shown = _with_printable_text(bundle)
        if _prints_text():
            print_text(shown.get("text/plain", ""))
            return
        metadata = self._metadata() if metadata is None else metadata
        options = {"raw": True, "display_id": self._id, "metadata": metadata}
        try:
            # An empty context: runners drop messages that name an earlier cell as their parent.
            contextvars.Context().run(update_display, shown, **options)
        except LookupError:  # ipykernel 7.0 finds no parent in an empty context
            update_display(shown, **options)

    def _metadata(self) -> dict[str, Any]:
        """Return what a saved notebook needs to find the task again."""
        if self._record is None:
            return {}
        job = {"job_id": self._record.id, "task_id": self._record.task_id}
        return {"liangxin": job | ({"reuse": True} if self._is_reusing else {})}


def _with_printable_text(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bundle with a text that is safe in a terminal."""
    return {**bundle, "text/plain": printable(bundle["text/plain"], multiline=True)}


def _prints_text() -> bool:
    """Return whether IPython would print to a standard output that cannot take every text."""
    return frontend() in ("terminal", "script")
