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

from ..errors import InvalidRequest
from ..ticket import Ticket

__all__ = ["Slot", "frontend"]

_FRONTENDS = ("live", "voila", "plain", "headless", "terminal", "script")
_VIEW = "application/vnd.jupyter.widget-view+json"


def frontend() -> str:
    """Who looks at this process: live, voila, headless, terminal or script.

    By what they can do, not by their names. `LIANGXIN_FRONTEND` overrules what is found out; it
    may also say plain: somebody looks, who can be shown no widgets. Raises `InvalidRequest`.
    """
    if forced := os.environ.get("LIANGXIN_FRONTEND", "").strip():
        if forced not in _FRONTENDS:
            raise InvalidRequest(
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


class Slot:
    """One place below a cell: shown once, later replaced."""

    def __init__(self, ticket: Ticket) -> None:
        self._id = f"liangxin-{uuid.uuid4().hex}"
        self._ticket = ticket
        self._bundle: dict[str, Any] = {}

    def show(self, text: str, view: str | None = None) -> None:
        """Shows a widget view by its model id where there is one, and one line of text."""
        self._bundle = {"text/plain": text}
        if view is not None:
            # By hand, because ipywidgets 7 has no bundle of its own to take it from.
            self._bundle[_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": view}
        display(self._bundle, raw=True, display_id=self._id, metadata=self._metadata())

    def accepted(self, ticket: Ticket) -> None:
        """Notes the task id beside the same view, once: from then on the notebook is a backup."""
        if ticket.task_id and ticket.task_id != self._ticket.task_id:
            self.replace(self._bundle, ticket)

    def replace(self, bundle: dict[str, Any], ticket: Ticket) -> None:
        """Puts another bundle in its place, from any thread."""
        self._ticket = ticket
        more = {"raw": True, "display_id": self._id, "metadata": self._metadata()}
        try:
            # An empty context: runners drop messages that name an earlier cell as their parent.
            contextvars.Context().run(update_display, bundle, **more)
        except LookupError:  # ipykernel 7.0 knows no parent in an empty context
            update_display(bundle, **more)

    def _metadata(self) -> dict[str, Any]:
        """What a saved notebook needs to find the task again."""
        told = {"ticket": self._ticket.id, "task_id": self._ticket.task_id}
        return {"liangxin": told}
