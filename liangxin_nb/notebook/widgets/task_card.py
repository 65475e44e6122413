"""The live card of one job: a passive view, updates are pushed to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from ..._compat import is_viewed, on_view_change, set_css_classes, track_views
from ...core.formatting import format_duration
from ...core.job_record import JobRecord, JobUpdate
from ...core.next_step import warn_before_resubmit
from ...core.state_style import state_style
from ...session.job import Job
from .attach_field import AttachField
from .card_buttons import BUTTON_LABELS, buttons_of
from .card_content import Space, details_html, picture_html, space_style, state_html
from .copy_field import CopyField
from .handlers import report_errors
from .resubmit_question import ResubmitQuestion
from .theme import allow_events_while_busy, close_all, format_job_time, style_sheet

__all__ = ["Actions", "TaskCard"]

_UNSEEN_S = 10.0  # until a card that no page has shown is closed


@dataclass(frozen=True)
class Actions:
    """What the buttons of a card do; the card follows a job that is returned.

    Attributes:
        collect: Resumes watching the job.
        resubmit: Submits the request again.
        new_seed: Submits the request with a new seed.
        attach: Collects the task with an id, if it is of this request.
        to_cell: Returns the text that *Copy cell* offers.
        supports_seed: Whether the model of a record takes a seed.
        edit: Loads the request into a form; None where there is none.
    """

    collect: Callable[[Job], Job | None]
    resubmit: Callable[[Job], Job | None]
    new_seed: Callable[[Job], Job | None]
    attach: Callable[[str], Job | None]
    to_cell: Callable[[JobRecord], str]
    supports_seed: Callable[[JobRecord], bool]
    edit: Callable[[Job], Job | None] | None = None


class TaskCard:
    """A card for a job.

    Attributes:
        box: The widget.
        latest: The latest update of the job.
        buttons: The buttons that have been shown so far, by action.
    """

    box: Any
    latest: JobUpdate
    buttons: dict[str, Any]

    def __init__(
        self,
        job: Job,
        actions: Actions,
        *,
        median_duration: float | None = None,
        notes: Sequence[str] = (),
        on_change: Callable[[TaskCard], None] | None = None,
        framed: bool = False,
        space: Space | None = None,
    ) -> None:
        """Create the card, and watch the job.

        Args:
            job: The job to show.
            actions: What the buttons do.
            median_duration: Seconds that the model usually takes, or None.
            notes: Remarks to show on the card.
            on_change: Called with the card when it needs to be drawn; default: draw at once.
            framed: Whether the picture appears in a frame of the card.
            space: The space of the picture that replaces the card, so that nothing below moves.
        """
        self._job, self._actions = job, actions
        self._median_duration, self._notes = median_duration, tuple(notes)
        self._on_change, self._framed = on_change or TaskCard.draw, framed
        self._space = space
        self._closed, self._draw_lock = False, threading.Lock()
        self.latest = job.last_update
        # There may be hundreds of cards: all parts share a layout, rare parts are made when shown.
        layout = widgets.Layout()
        parts = (widgets.HTML(layout=layout) for _ in range(4))
        self._state, self._clock, self._picture, self._details = parts
        self._error_line: Any = None
        self._copy: CopyField | None = None
        self._question: ResubmitQuestion | None = None
        self._attach: AttachField | None = None
        self.buttons = {}
        self._row = widgets.HBox(layout=layout)
        self._row.add_class("lx-row")
        self._footer = widgets.VBox([self._row], layout=layout)
        self._actions_box: Any = None
        self.box = self._build_box(layout)
        job.watch(self.update)
        self.draw()

    def _build_box(self, layout: Any) -> Any:
        head = widgets.HBox([self._state, self._clock], layout=layout)
        head.add_class("lx-head")
        body = widgets.Box([self._picture, self._details], layout=layout)
        body.add_class("lx-framed" if self._framed else "lx-body")
        parts = [head, body, self._footer]
        if not self._framed:  # the panel around framed cards has the style sheet
            sheet = style_sheet("card") + (space_style(self._space) if self._space else "")
            parts.insert(0, widgets.HTML(sheet, layout={"display": "none"}))
        box = widgets.VBox(parts, layout=layout)
        track_views(box)
        allow_events_while_busy(box)
        return box

    def _space_classes(self) -> tuple[str, ...]:
        """Return the classes that reserve space while the job runs."""
        if self._space is None or self.latest.is_final:
            return ()
        return "lx-reserved", "lx-space-{}-{}".format(*self._space)

    def update(self, update: JobUpdate) -> None:
        """Take a new update; called on the thread of the background loop."""
        if update.record.id == self._job.record.id:
            self.latest = update
            self._on_change(self)

    def draw(self) -> None:
        """Show the latest update; sends only what has changed."""
        with self._draw_lock:  # the constructor and the refresher draw on different threads
            if not self._closed:
                self._draw()

    def _draw(self) -> None:
        update, tone = self.latest, state_style(self.latest.display_state).tone
        # The slow part first, so that all changes appear together.
        self._picture.value = picture_html(update, self._framed)
        set_css_classes(self.box, ("lx-card", f"lx-{tone}", *self._space_classes()))
        self._state.value = state_html(update)
        self._details.value = details_html(update, self._notes, self._framed)
        self._draw_buttons()
        self.tick()

    def _draw_buttons(self) -> None:
        buttons = [
            self.buttons.get(name) or self._add_button(name) for name in self._button_names()
        ]
        if list(self._row.children) != buttons:
            self._row.children = buttons
            self._show_extra(None)

    def tick(self) -> None:
        """Show the time that has passed."""
        if not self._closed:
            times = format_job_time(self.latest)
            if self._median_duration is not None and not self.latest.is_final:
                times += f" · usually {format_duration(self._median_duration)}"
            self._clock.value = Markup('<div class="lx-soft">{}</div>').format(times)

    @property
    def actions_box(self) -> Any:
        """The buttons alone, to be shown below the durable output of a job that has ended."""
        if self._actions_box is None:
            sheet = widgets.HTML(style_sheet("card"), layout={"display": "none"})
            self._actions_box = widgets.VBox([sheet, self._footer])
            self._actions_box.add_class("lx-actions")
        with self._draw_lock:
            self._draw_buttons()  # the card itself may be drawn later
        return self._actions_box

    def close(self) -> None:
        """Remove the card from the screen; the job continues."""
        self._closed = True
        extras = (part.box for part in (self._question, self._attach) if part is not None)
        for part in (self.box, self._actions_box, *extras, *self.buttons.values()):
            if part is not None:
                close_all(part)

    def close_when_hidden(self) -> None:
        """Close the card of a finished job when no page shows it; a reloaded page still does.

        Saved with a notebook, its widgets would be larger than the picture.
        """

        def close_if_hidden() -> None:
            if self.latest.is_final and not is_viewed(self.box):
                self.close()

        on_view_change(self.box, close_if_hidden)
        if not is_viewed(self.box):  # no page has reported it yet
            timer = threading.Timer(_UNSEEN_S, close_if_hidden)
            timer.daemon = True
            timer.start()

    def _button_names(self) -> list[str]:
        record = self.latest.record
        missing = {
            "edit": self._actions.edit is None,
            "new_seed": not self._actions.supports_seed(record),
            "id": not record.task_id,
        }
        names = buttons_of(self.latest.display_state)
        return [name for name in names if not missing.get(name)]

    def _add_button(self, name: str) -> Any:
        label, tooltip = BUTTON_LABELS[name]
        button = self._make_button(label, tooltip, lambda: self._on_click(name))
        button.add_class("lx-button")  # saved notebooks are cleaned of it where it is not shown
        self.buttons[name] = button
        return button

    def _make_button(self, label: str, tooltip: str, act: Callable[[], object]) -> Any:
        button = widgets.Button(description=label, tooltip=tooltip)
        button.on_click(report_errors(act, self._show_error))
        allow_events_while_busy(button)
        return button

    def _show_error(self, text: str) -> None:
        if self._error_line is None:
            self._error_line = widgets.HTML()
            self._footer.children = [*self._footer.children, self._error_line]
        self._error_line.value = Markup('<div role="alert">{}</div>').format(text) if text else ""

    def _on_click(self, name: str) -> None:
        if self._error_line is not None:
            self._show_error("")
        self._show_extra(None)
        warning = warn_before_resubmit(self.latest.record)
        if name == "detach":
            self._job.detach()
        elif name in ("cell", "id"):
            self._toggle_copy_field(name)
        elif name == "attach":
            self._attach = self._attach or AttachField(self._make_button, self._collect_found)
            self._show_extra(self._attach.box)
        elif name in ("resubmit", "new_seed") and warning:
            self._question = self._question or ResubmitQuestion(
                self._make_button, lambda: self._show_extra(None)
            )
            self._question.ask(warning, lambda: self._act(name))
            self._show_extra(self._question.box)
        else:
            self._act(name)

    def _act(self, name: str) -> None:
        action = "collect" if name.startswith("collect") else name
        self._follow(getattr(self._actions, action)(self._job))

    def _collect_found(self, task_id: str) -> None:
        self._follow(self._actions.attach(task_id))

    def _follow(self, job: Job | None) -> None:
        self._show_extra(None)
        if job is not None:
            self._job = job
            job.watch(self.update)

    def _show_extra(self, box: Any) -> None:
        """Show a question or a field below the buttons, or with None neither."""
        extras = [part.box for part in (self._question, self._attach) if part is not None]
        others = [child for child in self._footer.children if child not in extras]
        children = [*others, box] if box is not None else others
        if list(self._footer.children) != children:
            self._footer.children = children

    def _toggle_copy_field(self, name: str) -> None:
        record, label = self.latest.record, {"cell": "The cell", "id": "The task id"}[name]
        if self._copy is None:
            self._copy = CopyField()
            self._footer.children = [*self._footer.children, self._copy.box]
        self._copy.toggle(
            self._actions.to_cell(record) if name == "cell" else record.task_id, label
        )
