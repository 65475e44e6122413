"""A cell's output slot: first a live view, at the end a picture that needs no kernel.

The final bundle never holds a widget view (a reopened notebook could not draw it) and never the
original's bytes.
"""

from __future__ import annotations

import contextvars
import os
import uuid
from typing import Any

from IPython import get_ipython
from IPython.display import display, update_display

from ...core.job_record import JobRecord
from ...errors import InvalidRequestError

__all__ = ["OutputHandle", "display_widget", "frontend", "kernel_notice", "shows_widgets"]

_FRONTENDS = ("live", "voila", "plain", "headless", "terminal", "script")
_VIEW_MIME = "application/vnd.jupyter.widget-view+json"


def frontend() -> str:
    """Who looks at this process: live, voila, headless, terminal or script.

    By what they can do, not by their names. `LIANGXIN_FRONTEND` overrules what is found out; it
    may also say plain: someone looks, who can be shown no widgets. Raises `InvalidRequestError`.
    """
    if forced := os.environ.get("LIANGXIN_FRONTEND", "").strip():
        if forced not in _FRONTENDS:
            raise InvalidRequestError(
                f"LIANGXIN_FRONTEND={forced!r} is none of {', '.join(_FRONTENDS)}.",
                next_step="Correct it, or unset it: it is found out by itself.",
            )
        return forced
    if "VOILA_KERNEL_ID" in os.environ:
        return "voila"
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return "terminal" if shell else "script"
    try:
        # Frontends with a person can answer input(); notebook runners cannot.
        person = kernel.get_parent()["content"].get("allow_stdin", True)
    except (AttributeError, KeyError, LookupError, TypeError):
        person = True
    return "live" if person else "headless"


def shows_widgets() -> bool:
    """Whether someone looks who can be shown widgets."""
    return frontend() in ("live", "voila")


def display_widget(box: Any, name: str, command: str) -> None:
    """Shows a part that lives as long as its kernel, and below it the line that outlives it.

    Two outputs: a reopened notebook cannot draw the view, and in one bundle with it the line would
    not be seen.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"text/plain": f"<{name}>", _VIEW_MIME: view}, raw=True)
    if frontend() != "voila":  # no one runs a cell there
        display(kernel_notice(name, command), raw=True)


def kernel_notice(name: str, command: str) -> dict[str, Any]:
    """The line that a reopened notebook shows in the place of a part that lived with its kernel."""
    said = f"The {name} lives as long as its kernel; {command} opens it again."
    html = f'<small style="color: var(--jp-ui-font-color2, #616161)">{said}</small>'
    return {"text/plain": said, "text/html": html}


class OutputHandle:
    """One place below a cell: shown once, later replaced; of one job record, or of none."""

    def __init__(self, record: JobRecord | None = None) -> None:
        self._id = f"liangxin-{uuid.uuid4().hex}"
        self._record = record
        self._bundle: dict[str, Any] = {}

    def show(self, text: str, view: str | None = None, picture: str | None = None) -> None:
        """Shows one line of text, with a widget view by its model id or a JPEG in base64."""
        bundle: dict[str, Any] = {"text/plain": text}
        if picture is not None:
            bundle["image/jpeg"] = picture
        if view is not None:
            # By hand, because ipywidgets 7 has no bundle of its own to take it from.
            bundle[_VIEW_MIME] = {"version_major": 2, "version_minor": 0, "model_id": view}
        self.show_bundle(bundle)

    def show_bundle(self, bundle: dict[str, Any]) -> None:
        """Shows any bundle."""
        self._bundle = bundle
        display(bundle, raw=True, display_id=self._id, metadata=self._metadata())

    def set_record(self, record: JobRecord) -> None:
        """Notes the task id beside the same view, once: from then on the notebook is a backup."""
        if record.task_id and (self._record is None or record.task_id != self._record.task_id):
            self.replace(self._bundle, record)

    def replace(self, bundle: dict[str, Any], record: JobRecord | None = None) -> None:
        """Puts another bundle in its place, from any thread."""
        self._record = record
        more = {"raw": True, "display_id": self._id, "metadata": self._metadata()}
        try:
            # An empty context: runners drop messages that name an earlier cell as their parent.
            contextvars.Context().run(update_display, bundle, **more)
        except LookupError:  # ipykernel 7.0 knows no parent in an empty context
            update_display(bundle, **more)

    def _metadata(self) -> dict[str, Any]:
        """What a saved notebook needs to find the task again."""
        if self._record is None:
            return {}
        told = {"job_id": self._record.id, "task_id": self._record.task_id}
        return {"liangxin": told}
