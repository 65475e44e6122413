"""The live card of one task; it is told, it never asks."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from ..._compat import set_css_classes
from ...core.job_record import JobRecord, JobUpdate
from ...session.job import Job
from .theme import (
    STYLE,
    allow_events_while_busy,
    first_line,
    format_duration,
    format_elapsed,
    state_style,
)

__all__ = ["Actions", "TaskCard"]

_SANDBOX = "Sandbox: drawn on this machine, no model was run."
#: The buttons that fit a phase; a phase not listed is a live one.
_BUTTONS: dict[str, tuple[str, ...]] = {
    "saved": ("resubmit", "new_seed", "edit", "cell", "id"),
    "failed": ("resubmit", "new_seed", "edit", "cell", "id"),
    "detached": ("collect", "edit", "cell", "id"),
    "result_lost": ("resubmit", "new_seed", "edit", "cell", "id"),
    "rejected": ("resubmit", "new_seed", "edit", "cell"),
    "unconfirmed": ("edit", "cell"),
}
_LIVE = ("leave", "edit", "cell", "id")
_LABELS = {
    "leave": ("Leave", "Stop watching; the task goes on and may still be billed"),
    "collect": ("Collect", "Watch it again and keep its result"),
    "resubmit": ("Again", "Ask for the same once more: a new task, billed on its own"),
    "new_seed": ("Vary", "Ask for the same with a new seed: a new task, billed on its own"),
    "edit": ("Edit", "Put its prompt and inputs into the form above; nothing is sent"),
    "cell": ("Copy cell", "Show the %%liangxin cell that asks for the same, ready to be copied"),
    "id": ("Copy id", "Show the task's id, ready to be copied"),
}


@dataclass(frozen=True)
class Actions:
    """What the card's buttons do; a job that is returned is what the card shows from then on.

    `edit`: None where there is no form to load. `to_cell`: the text of *Copy cell*.
    `supports_seed`: whether a job record's model takes a seed.
    """

    collect: Callable[[Job], Job | None]
    resubmit: Callable[[Job], Job | None]
    new_seed: Callable[[Job], Job | None]
    to_cell: Callable[[JobRecord], str]
    supports_seed: Callable[[JobRecord], bool]
    edit: Callable[[Job], Job | None] | None = None


class TaskCard:
    """A card for a job; `box` is the widget.

    `median_duration`: seconds that this model usually takes, or None; `notes`: remarks to show with
    it; `news`: called with the card when there is something to draw, default: drawn at once;
    `framed`: whether room is kept for the picture from the start, so that nothing below it moves.
    """

    def __init__(
        self,
        job: Job,
        actions: Actions,
        *,
        median_duration: float | None = None,
        notes: Sequence[str] = (),
        news: Callable[[TaskCard], None] | None = None,
        framed: bool = False,
    ) -> None:
        self._job, self._actions = job, actions
        self._median_duration, self._notes = median_duration, tuple(notes)
        self._changed, self._framed = news or TaskCard.draw, framed
        self._closed, self._drawing = False, threading.Lock()
        self.latest = job.last_update
        # Of hundreds of cards each part counts: what may never be seen is made when it is.
        shared = widgets.Layout()
        parts = (widgets.HTML(layout=shared) for _ in range(4))
        self._state, self._clock, self._art, self._story = parts
        self._trouble: widgets.HTML | None = None
        self._copy: widgets.Textarea | None = None
        self.buttons: dict[str, widgets.Button] = {}
        self._row = widgets.HBox(layout=shared)
        self._row.add_class("lx-row")
        self.box = self._assembled(shared)
        job.watch(self.update)
        self.draw()

    def _assembled(self, shared: widgets.Layout) -> widgets.VBox:
        head = widgets.HBox([self._state, self._clock], layout=shared)
        head.add_class("lx-head")
        body = widgets.Box([self._art, self._story], layout=shared)
        body.add_class("lx-framed" if self._framed else "lx-body")
        parts = [head, body, self._row]
        if not self._framed:  # where cards are framed, the panel around them has the style sheet
            parts.insert(0, widgets.HTML(STYLE, layout={"display": "none"}))
        return widgets.VBox(parts, layout=shared)

    def update(self, update: JobUpdate) -> None:
        """Takes a new status; called on the private loop's thread."""
        if update.record.id == self._job.record.id:
            self.latest = update
            self._changed(self)

    def draw(self) -> None:
        """Shows the latest status: a handful of messages at most."""
        with self._drawing:  # by the one who made it, and by the beat on a thread of its own
            if not self._closed:
                self._draw()

    def _draw(self) -> None:
        update, tone = self.latest, state_style(self.latest.phase).tone
        self._art.value = _art(update, self._framed)  # the slow part first: all changes together
        set_css_classes(self.box, ("lx-card", f"lx-{tone}"))
        self._state.value = _state(update)
        self._story.value = self._show_metadata()
        fitting = [
            self.buttons.get(name) or self._button(name) for name in self._available_buttons()
        ]
        if list(self._row.children) != fitting:
            self._row.children = fitting
        self.tick()

    def tick(self) -> None:
        """Shows the time that has passed now."""
        if not self._closed:
            self._clock.value = _times(self.latest, self._median_duration)

    def close(self) -> None:
        """Takes the card off the screen; the job goes on."""
        self._closed = True
        _close(self.box)
        for button in self.buttons.values():
            button.close()

    def _available_buttons(self) -> list[str]:
        record = self.latest.record
        missing = {
            "edit": self._actions.edit is None,
            "new_seed": not self._actions.supports_seed(record),
            "id": not record.task_id,
        }
        names = _BUTTONS.get(self.latest.phase, _LIVE)
        return [name for name in names if not missing.get(name)]

    def _button(self, name: str) -> widgets.Button:
        word, tip = _LABELS[name]
        button = widgets.Button(description=word, tooltip=tip)
        button.on_click(lambda _: self._on_press(name))
        allow_events_while_busy(button)
        self.buttons[name] = button
        return button

    def _on_press(self, name: str) -> None:
        # No one else would show what goes wrong in a button's handler.
        try:
            if self._trouble is not None:
                self._trouble.value = ""
            self._act(name)
        except Exception as error:
            if self._trouble is None:
                self._trouble = widgets.HTML()
                self.box.children = [*self.box.children, self._trouble]
            self._trouble.value = f'<div role="alert">{escape(str(error))}</div>'

    def _act(self, name: str) -> None:
        if name == "leave":
            self._job.detach()
        elif name in ("cell", "id"):
            self._offer(name)
        elif job := getattr(self._actions, name)(self._job):
            self._job = job
            job.watch(self.update)

    def _offer(self, name: str) -> None:
        """A text to be copied, in a field that has the focus; pressed again, it goes away.

        A kernel cannot reach the browser's clipboard without JavaScript of its own.
        """
        record, word = self.latest.record, {"cell": "The cell", "id": "The task's id"}[name]
        text = self._actions.to_cell(record) if name == "cell" else record.task_id
        if self._copy is None:
            tip = "Ctrl+A and Ctrl+C copy it; Cmd on a Mac"
            self._copy = widgets.Textarea(tooltip=tip, layout={"display": "none"})
            self._copy.add_class("lx-copy")
            self.box.children = [*self.box.children, self._copy]
        shown = self._copy.layout.display is None and self._copy.value == text
        self._copy.value, self._copy.rows = text, min(8, 1 + text.count("\n"))
        self._copy.description = f"{word}, to be copied with Ctrl+A and Ctrl+C"
        self._copy.layout.display = "none" if shown else None
        if not shown and hasattr(self._copy, "focus"):  # ipywidgets 7 cannot
            self._copy.focus()

    def _show_metadata(self) -> str:
        update, record = self.latest, self.latest.record
        lines = [f'<div class="lx-prompt">{first_line(record.request.prompt)}</div>']
        if update.error is not None:
            lines.append(f"<div>{escape(str(update.error))}</div>")
        small = [escape(note) for note in (update.note, *self._notes) if note]
        small += [f'<span class="lx-id">{escape(record.task_id)}</span>']
        if update.result is not None:
            small += [f'<span class="lx-id">{escape(update.result.relative_path)}</span>']
        small += [_SANDBOX] if record.profile == "sandbox" else []
        return "".join(lines) + "".join(f'<div class="lx-small">{line}</div>' for line in small)


def _close(part: widgets.Widget) -> None:
    """Gives a part and all in it up; a kernel keeps what is not closed."""
    for child in getattr(part, "children", ()):
        _close(child)
    part.close()


def _state(update: JobUpdate) -> str:
    """Sign, word and model; read out when it changes, which the clock beside it is not."""
    seen = state_style(update.phase)
    model = escape(update.record.request.model)
    return (
        '<div class="lx-state" role="status">'
        f'<span class="lx-sign" aria-hidden="true">{seen.sign}</span>{seen.word} '
        f'<span class="lx-model">· {model}</span></div>'
    )


def _times(update: JobUpdate, median_duration: float | None) -> str:
    passed = (update.ended_at or time.time()) - update.record.created_at
    times = (
        format_duration(update.record.duration_s or passed)
        if update.is_final
        else format_elapsed(passed)
    )
    if median_duration is not None and not update.is_final:
        times += f" · usually {format_duration(median_duration)}"
    return f'<div class="lx-soft">{times}</div>'


def _art(update: JobUpdate, framed: bool) -> str:
    """The picture inside the card, for a reloaded page and for Voila; before that, its room."""
    if update.result is not None:
        try:
            small = update.result.thumbnail()
        except (OSError, ValueError) as error:
            return f'<div class="lx-small">The picture cannot be shown: {escape(str(error))}</div>'
        if not small:
            return ""
        data = base64.b64encode(small).decode()
        alt = escape(update.record.request.prompt, quote=True)
        return f'<img class="lx-picture" alt="{alt}" src="data:image/jpeg;base64,{data}">'
    sign = state_style(update.phase).sign
    return f'<div class="lx-empty" aria-hidden="true">{sign}</div>' if framed else ""
