"""Links from a result to those that it was made from, and to those that were made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from liangxin_nb.core.derivation import short_id
from liangxin_nb.core.formatting import first_line, printable
from liangxin_nb.core.job_record import JobRecord

from ..theme import allow_events_while_busy
from .controls import StatusLine, set_visible

__all__ = ["MAX_LINKS", "RelativeLinks"]

#: Links of each row; `%liangxin show ID --lineage` shows the others.
MAX_LINKS: int = 6
_MAX_LABEL = 40


class RelativeLinks:
    """Two rows of buttons that look like links; a row without links is hidden.

    Attributes:
        box: The widget.
        parents: The row of the jobs that a result was made from.
        children: The row of the jobs that were made from it.
    """

    box: Any
    parents: _Row
    children: _Row

    def __init__(self, status_line: StatusLine, open_job: Callable[[str], None]) -> None:
        """Create two empty rows.

        Args:
            status_line: Where errors are shown.
            open_job: Opens the job with an id.
        """
        self.parents = _Row("Made from", status_line, open_job)
        self.children = _Row("Made from it", status_line, open_job)
        self.box = widgets.VBox([self.parents.box, self.children.box])

    def show(self, parents: Sequence[JobRecord], children: Sequence[JobRecord]) -> None:
        """Show the relatives of a result."""
        self.parents.show([(record, "") for record in parents])
        self.children.show([(record, record.change) for record in children])

    @property
    def controls(self) -> list[Any]:
        """All buttons."""
        return [*self.parents.buttons, *self.children.buttons]


class _Row:
    def __init__(
        self, title: str, status_line: StatusLine, open_job: Callable[[str], None]
    ) -> None:
        self._status_line, self._open_job = status_line, open_job
        self._title, self._more = widgets.Label(title), widgets.Label()
        self._ids: list[str] = []
        self.buttons: list[Any] = []
        self.box = widgets.HBox()
        self.box.add_class("lx-row")
        self.box.add_class("lx-relatives")

    def show(self, relatives: Sequence[tuple[JobRecord, str]]) -> None:
        """Show a link for each job, named by its prompt or by another text."""
        shown = relatives[:MAX_LINKS]
        self._ids = [record.id for record, _ in shown]
        while len(self.buttons) < len(shown):
            self._add_button(len(self.buttons))
        for index, button in enumerate(self.buttons):
            set_visible(button, index < len(shown))
        for button, (record, text) in zip(self.buttons, shown, strict=False):
            prompt = first_line(record.request.prompt)
            label = first_line(text or prompt, _MAX_LABEL)
            button.description = printable(f"{short_id(record.id)} {label}")
            button.tooltip = f"Open: {prompt}"
        self._more.value = "and more" if len(relatives) > MAX_LINKS else ""
        set_visible(self.box, bool(shown))

    def _add_button(self, index: int) -> None:
        button = self._status_line.button(
            "", "", lambda: self._open_job(self._ids[index]), own_layout=True
        )
        button.add_class("lx-link")
        allow_events_while_busy(button)
        self.buttons.append(button)
        self.box.children = [self._title, *self.buttons, self._more]
