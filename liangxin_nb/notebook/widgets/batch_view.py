"""The live view of a batch: a bar, counts, failures and four buttons; updates are pushed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from ..._compat import is_viewed, on_view_change, track_views
from ...batches import Progress
from ...cell_outputs.batch_summary import COUNT_STYLES, batch_style
from ...core.formatting import (
    first_line,
    format_duration,
    format_elapsed,
    format_remaining,
)
from ...core.state_style import SANDBOX_NOTICE, StateStyle
from .handlers import report_errors
from .theme import close_all, sign_tag, small_lines, style_sheet

__all__ = ["BatchView"]

#: Shown while the batch is active even if zero, so that nothing moves.
_PERMANENT_COUNTS = ("saved", "running", "pending")
#: Counts of requests of which the service may still have something.
_COLLECTABLE = ("detached", "not_fetched", "partly_saved", "result_lost")
_BUTTONS = {
    "pause": ("Pause submitting", "Send no more tasks; those already sent are followed"),
    "resume": (
        "Resume",
        "Send what was not sent, collect what may still be had, nothing twice",
    ),
    "detach": ("Stop watching all", "Send no more tasks; those already sent may still be billed"),
    "retry": ("Retry failed", "Submit failed and rejected requests again: new tasks, billed again"),
}


class BatchView:
    """A view of a batch.

    What changes often is one short text, so that an update is one small message; the pictures are
    another one.

    Attributes:
        box: The widget.
        buttons: The buttons by action: ``pause``, ``resume``, ``detach``, ``retry``.
    """

    box: Any
    buttons: dict[str, Any]

    def __init__(
        self,
        progress: Progress,
        actions: dict[str, Callable[[], object]],
        notes: tuple[str, ...] = (),
    ) -> None:
        """Create the view.

        Args:
            progress: The present state of the batch.
            actions: What the buttons do.
            notes: Remarks to show below the counts.
        """
        self._notes = notes
        self._body, self._sheet = widgets.HTML(), widgets.HTML()
        self._foot, self._error_line = widgets.HTML(), widgets.HTML()
        self._error_line.layout.display = "none"
        self.buttons = {name: self._make_button(name, act) for name, act in actions.items()}
        self._sheet.add_class("lx-pictures")
        row = widgets.HBox([self._foot, *self.buttons.values()])
        row.add_class("lx-foot")
        style = widgets.HTML(style_sheet("card", "batch"), layout={"display": "none"})
        parts = [style, self._body, self._sheet, row, self._error_line]
        self.box = widgets.VBox(parts)
        track_views(self.box)
        self.box.add_class("lx-card")
        self.box.add_class("lx-batch")
        self._tone_class, self._closes = "", False
        self.update(progress)

    def update(self, progress: Progress) -> None:
        """Show the state of the batch; sends only what has changed."""
        self._body.value = _head_html(progress) + _bar_html(progress)
        self._foot.value = self._notes_html(progress)
        tone_class = f"lx-{_batch_style(progress).tone}"
        if tone_class != self._tone_class:
            self.box.remove_class(self._tone_class)
            self.box.add_class(tone_class)
            self._tone_class = tone_class
        self._update_buttons(progress)

    def show_pictures(self, html: Markup) -> None:
        """Show the pictures and what did not succeed."""
        self._sheet.value = html

    def close_when_hidden(self) -> None:
        """Close the widgets as soon as no page shows them: a saved notebook would keep them.

        A page that was reloaded meanwhile still shows them, and does not get the durable output.
        """
        self._closes = True
        on_view_change(self.box, self._close_if_hidden)
        self._close_if_hidden()

    def keep(self) -> bool:
        """Do not close the widgets; return whether they can still be shown."""
        self._closes = False
        return self.box.comm is not None

    def _close_if_hidden(self) -> None:
        if self._closes and not is_viewed(self.box) and self.box.comm is not None:
            close_all(self.box)

    def _update_buttons(self, progress: Progress) -> None:
        pending = progress.counts.get("pending", 0)
        resumable = pending + sum(progress.counts.get(kind, 0) for kind in _COLLECTABLE)
        visible = {
            "pause": progress.active and not progress.paused and pending > 0,
            "resume": (progress.paused or not progress.active) and resumable > 0,
            "detach": progress.active,
            "retry": progress.retryable > 0,
        }
        self.buttons["retry"].description = f"Retry failed ({progress.retryable})"
        for name, button in self.buttons.items():
            display = "" if visible[name] else "none"
            if button.layout.display != display:
                button.layout.display = display

    def _notes_html(self, progress: Progress) -> Markup:
        lines = list(self._notes)
        if progress.reused:
            lines.append(f"{progress.reused} taken from earlier work; nothing was sent for them.")
        if progress.extra_attempts:
            lines.append(
                f"{progress.extra_attempts} submitted again; the first records stay in the ledger."
            )
        batch_line = Markup('Batch <span class="lx-id">{}</span>').format(progress.id)
        if progress.profile == "sandbox":
            batch_line += f" · {SANDBOX_NOTICE}"
        lines.append(batch_line)
        return Markup('<div class="lx-notes">{}</div>').format(small_lines(lines))

    def _make_button(self, name: str, act: Callable[[], object]) -> Any:
        label, tooltip = _BUTTONS[name]
        button = widgets.Button(description=label, tooltip=tooltip)

        def act_and_clear() -> None:
            act()
            self._error_line.layout.display = "none"

        button.on_click(report_errors(act_and_clear, self._show_error))
        return button

    def _show_error(self, text: str) -> None:
        self._error_line.value = Markup('<span class="lx-soft">{}</span>').format(text)
        self._error_line.layout.display = ""


def _batch_style(progress: Progress) -> StateStyle:
    """Return how the state of the whole batch is shown."""
    if progress.active:
        pausing = StateStyle("◐", "Pausing", "warn")
        return pausing if progress.paused else StateStyle("◐", "Running", "run")
    return batch_style(progress.counts)


def _head_html(progress: Progress) -> Markup:
    style = _batch_style(progress)
    ended_kinds = ("saved", "partly_saved", "failed", "rejected", "result_lost")
    ended = sum(progress.counts.get(kind, 0) for kind in ended_kinds)
    format_passed = format_elapsed if progress.active else format_duration
    times = [f"{ended} of {progress.total}", format_passed(progress.elapsed_s)]
    if progress.rate_per_min is not None:
        times.append(f"{progress.rate_per_min:.0f} a minute")
    if progress.eta_s is not None:
        times.append(f"about {format_remaining(progress.eta_s)} left")
    name = first_line(progress.name, 60) if progress.name else f"batch of {progress.total}"
    return Markup(
        '<div class="lx-head" role="status"><span class="lx-state">{}{} '
        '<span class="lx-model" dir="auto">· {}</span></span>{}'
        '<span class="lx-soft">{}</span></div>'
    ).format(sign_tag(style.sign), style.word, name, _counts_html(progress), " · ".join(times))


def _bar_html(progress: Progress) -> Markup:
    # What has ended comes first, then what is running; the rest of the bar is empty.
    kinds = sorted(COUNT_STYLES, key=lambda kind: kind == "running")
    parts = Markup("").join(
        Markup('<span class="lx-{}" style="width:{:.2f}%"></span>').format(
            tone, 100 * progress.counts[kind] / progress.total
        )
        for kind in kinds
        if (tone := COUNT_STYLES[kind].tone) and progress.counts.get(kind)
    )
    return Markup('<div class="lx-meter" role="img" aria-label="{}">{}</div>').format(
        progress.text, parts
    )


def _counts_html(progress: Progress) -> Markup:
    parts = []
    for kind, style in COUNT_STYLES.items():
        count = progress.counts.get(kind, 0)
        if count or (kind in _PERMANENT_COUNTS and progress.active):
            css_class = (f"lx-{style.tone}" if style.tone else "") if count else "lx-none"
            parts.append(
                Markup('<span class="{}">{}{} {}</span>').format(
                    css_class, sign_tag(style.sign), count, style.word
                )
            )
    return Markup('<span class="lx-counts">{}</span>').format(Markup("").join(parts))
