"""The live card of one task; it is told, it never asks."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from ..job import Job
from ..ticket import Status
from ._base import STYLE, clock, first_line, look, span

__all__ = ["Actions", "TaskCard"]

_SANDBOX = "Sandbox: drawn on this machine, no model was run."
#: The buttons that fit a phase; a phase not listed is a live one.
_BUTTONS: dict[str, tuple[str, ...]] = {
    "done": ("again",),
    "failed": ("again",),
    "left": ("collect",),
    "lost": ("again",),
    "refused": ("again",),
    "unknown": (),
}


@dataclass(frozen=True)
class Actions:
    """What the card's buttons do; each returns the job that the card shows from then on."""

    collect: Callable[[Job], Job]
    again: Callable[[Job], Job]


class TaskCard:
    """A card for a job; `box` is the widget.

    `usual`: seconds that this model usually takes, or None; `notes`: remarks to show with it.
    """

    def __init__(
        self,
        job: Job,
        actions: Actions,
        *,
        usual: float | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self._job = job
        self._actions = actions
        self._usual = usual
        self._notes = tuple(notes)
        self.status = job.status
        self._head, self._body, self._trouble = (widgets.HTML() for _ in range(3))
        self._trouble.layout.display = "none"
        self.buttons = self._make_buttons()
        style = widgets.HTML(STYLE, layout={"display": "none"})
        row = widgets.HBox(list(self.buttons.values()), layout={"margin": "4px 0 0 0"})
        self.box = widgets.VBox([style, self._head, self._body, self._trouble, row])
        self.box.add_class("lx-card")
        job.watch(self.told)

    def told(self, status: Status) -> None:
        """Draws a new status; called on the private loop's thread."""
        if status.ticket.id != self._job.ticket.id:
            return
        tone = look(self.status.phase).tone
        self.status = status
        self.box.remove_class(f"lx-{tone}")
        self.box.add_class(f"lx-{look(status.phase).tone}")
        self._body.value = self._story()
        self.tick()
        fitting = _BUTTONS.get(status.phase, ("leave",))
        for name, button in self.buttons.items():
            button.layout.display = "" if name in fitting else "none"

    def tick(self) -> None:
        """Draws the head line with the time that has passed now."""
        self._head.value = _head(self.status, self._usual)

    def _make_buttons(self) -> dict[str, widgets.Button]:
        made = {
            "leave": ("Leave", "Stop watching; the task goes on and may still be billed"),
            "collect": ("Collect", "Watch it again and keep its result"),
            "again": ("Again", "Ask for the same once more: a new task, billed on its own"),
        }
        buttons = {}
        for name, (word, tip) in made.items():
            button = widgets.Button(description=word, tooltip=tip)
            button.on_click(self._pressed(name))
            buttons[name] = button
        return buttons

    def _pressed(self, name: str) -> Callable[[object], None]:
        def act(_: object) -> None:
            # Nobody else would show what goes wrong in a button's handler.
            try:
                if name == "leave":
                    self._job.leave()
                else:
                    self._follow(getattr(self._actions, name)(self._job))
            except Exception as error:
                self._trouble.value = f'<span class="lx-soft">{escape(str(error))}</span>'
                self._trouble.layout.display = ""

        return act

    def _follow(self, job: Job) -> None:
        self._job = job
        job.watch(self.told)

    def _story(self) -> str:
        """Everything below the head line."""
        status, ticket = self.status, self.status.ticket
        lines = [f'<div class="lx-prompt">{first_line(ticket.request.prompt)}</div>']
        if status.error is not None:
            lines.append(f"<div>{escape(str(status.error))}</div>")
        if status.result is not None:
            lines.append(_picture(status))
        small = [escape(note) for note in (status.note, *self._notes) if note]
        small += [f'<span class="lx-id">{escape(ticket.task_id)}</span>'] if ticket.task_id else []
        small += [_SANDBOX] if ticket.profile == "sandbox" else []
        return "".join(lines) + "".join(f'<div class="lx-small">{line}</div>' for line in small)


def _head(status: Status, usual: float | None) -> str:
    seen = look(status.phase)
    passed = (status.ended or time.time()) - status.ticket.at
    times = span(status.ticket.seconds or passed) if status.over else clock(passed)
    if usual is not None and not status.over:
        times += f" · usually {span(usual)}"
    model = escape(status.ticket.request.model)
    return (
        '<div class="lx-head" role="status"><span class="lx-state">'
        f'<span class="lx-sign" aria-hidden="true">{seen.sign}</span>{seen.word} '
        f'<span class="lx-model">· {model}</span></span>'
        f'<span class="lx-soft">{times}</span></div>'
    )


def _picture(status: Status) -> str:
    """The picture inside the card, for a reloaded page and for Voila."""
    if not status.result.pictures:
        return f'<div class="lx-small lx-id">{escape(status.result.place)}</div>'
    data = base64.b64encode(status.result.thumbnail()).decode()
    alt = escape(status.ticket.request.prompt, quote=True)
    return (
        f'<img class="lx-picture" alt="{alt}" src="data:image/jpeg;base64,{data}">'
        f'<div class="lx-small lx-id">{escape(status.result.place)}</div>'
    )
