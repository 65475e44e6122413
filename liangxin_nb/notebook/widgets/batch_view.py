"""The live view of a batch: one bar, the counts, what went wrong, four buttons; it is told."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from ...batches import Outcome, Progress
from .theme import STYLE, first_line, format_duration, format_elapsed

__all__ = ["BatchView"]

_SANDBOX = "Sandbox: drawn on this machine, no model was run."
_REASONS = 4  # shown; the rest is counted
_STYLE = """<style>
.lx-batch { width: 100%; box-sizing: border-box; }
.lx-batch .widget-html { width: 100%; }
.lx-batch .lx-head { display: flex; gap: 16px; justify-content: space-between; }
.lx-batch .widget-html-content, .lx-batch .jupyter-widget-html-content {
  width: 100%; min-width: 0; overflow: hidden; }
.lx-meter { display: flex; height: 10px; margin: 8px 0; border-radius: 5px; overflow: hidden;
  background: var(--jp-layout-color3, #e0e0e0); }
.lx-meter span { display: block; height: 100%; min-width: 3px; transition: none;
  background: var(--lx-tone); }
.lx-meter .lx-run { opacity: .55; background: repeating-linear-gradient(
  90deg, var(--lx-tone) 0 3px, transparent 3px 6px); }
.lx-meter .lx-bad { background: repeating-linear-gradient(
  135deg, var(--lx-tone) 0 4px, var(--jp-layout-color1, #fff) 4px 6px); }
.lx-counts { display: flex; flex-wrap: wrap; gap: 0 16px; font-variant-numeric: tabular-nums; }
.lx-counts .lx-sign { color: var(--lx-tone); display: inline-block; width: 1.3em; }
.lx-counts .lx-none, .lx-counts .lx-none .lx-sign { color: var(--jp-ui-font-color2, #616161); }
.lx-batch .jupyter-button { margin-right: 8px; }
.lx-feet { margin-top: 8px; }
.lx-whys { margin: 8px 0 0 0; padding: 0; list-style: none; }
.lx-whys li { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
</style>"""
#: What is counted: its sign, its word and its tone; those marked are always there, so that
#: nothing jumps.
_KINDS = {
    "saved": ("●", "saved", "lx-good", True),
    "running": ("◐", "running", "lx-run", True),
    "pending": ("○", "not sent yet", "", True),
    "failed": ("✕", "failed", "lx-bad", False),
    "rejected": ("✕", "rejected", "lx-bad", False),
    "result_lost": ("✕", "result_lost", "lx-bad", False),
    "unconfirmed": ("?", "unconfirmed (may be billed)", "lx-warn", False),
    "detached": ("◇", "detached (still running)", "lx-warn", False),
}
#: What a batch that has come to rest is called by the first of these that it counts, else done.
_IDLE_TEXTS = {
    "detached": ("◇", "Left", "lx-warn"),
    "pending": ("‖", "Paused", "lx-warn"),
    **dict.fromkeys(("failed", "rejected", "result_lost"), ("✕", "Done, with failures", "lx-bad")),
    "unconfirmed": ("?", "Done, some unconfirmed", "lx-warn"),
}


class BatchView:
    """A view of a batch; `box` is the widget, `update` draws how it stands.

    Everything that changes is one text, drawn at most as often as `update` is called.
    """

    def __init__(
        self, now: Progress, actions: dict[str, Callable[[], object]], notes: tuple[str, ...] = ()
    ) -> None:
        self._notes = notes
        self._sheet = ""
        self._body, self._trouble = widgets.HTML(), widgets.HTML()
        self._trouble.layout.display = "none"
        self.buttons = {name: self._button(name, act) for name, act in actions.items()}
        row = widgets.HBox(list(self.buttons.values()), layout={"margin": "4px 0 0 0"})
        style = widgets.HTML(STYLE + _STYLE, layout={"display": "none"})
        self.box = widgets.VBox([style, self._body, self._trouble, row])
        self.box.add_class("lx-card")
        self.box.add_class("lx-batch")
        self._style = ""
        self.update(now)

    def update(self, now: Progress) -> None:
        """Draws how the batch stands; what has not changed is not sent."""
        self._body.value = "".join(
            [_head(now), _bar(now), _counts(now), _reasons(now), self._small(now), self._sheet]
        )
        tone = _state(now)[2]
        if tone != self._style:
            self.box.remove_class(self._style)
            self.box.add_class(tone)
            self._style = tone
        open_ = now.counts.get("pending", 0) + now.counts.get("detached", 0)
        fits = {
            "pause": now.active and not now.paused and now.counts.get("pending", 0) > 0,
            "resume": (now.paused or not now.active) and open_ > 0,
            "leave": now.active,
            "retry": now.retryable > 0,
        }
        self.buttons["retry"].description = f"Retry failed ({now.retryable})"
        for name, button in self.buttons.items():
            display = "" if fits[name] else "none"
            if button.layout.display != display:
                button.layout.display = display

    def show_sheet(self, jpeg: bytes, alt: str) -> None:
        """Puts the contact sheet into the view, for where no output can be replaced."""
        data = base64.b64encode(jpeg).decode()
        self._sheet = (
            f'<img class="lx-picture" alt="{escape(alt, quote=True)}" '
            f'src="data:image/jpeg;base64,{data}">'
        )

    def _small(self, now: Progress) -> str:
        reused = [f"{now.reused} reused: kept already, nothing was sent for them."]
        lines = [escape(note) for note in self._notes] + (reused if now.reused else [])
        if now.extra_attempts:
            lines.append(
                f"{now.extra_attempts} asked for again; the first tickets stay in the ledger."
            )
        lines.append(f'Batch <span class="lx-id">{escape(now.id)}</span>')
        if now.profile == "sandbox":
            lines[-1] += f" · {_SANDBOX}"
        told = "".join(f'<div class="lx-small">{line}</div>' for line in lines)
        return f'<div class="lx-feet">{told}</div>'

    def _button(self, name: str, act: Callable[[], object]) -> widgets.Button:
        word, tip = _BUTTONS[name]
        button = widgets.Button(description=word, tooltip=tip)

        def pressed(_: object) -> None:
            # No one else would show what goes wrong in a button's handler.
            try:
                act()
                self._trouble.layout.display = "none"
            except Exception as error:
                self._trouble.value = f'<span class="lx-soft">{escape(str(error))}</span>'
                self._trouble.layout.display = ""

        button.on_click(pressed)
        return button


_BUTTONS = {
    "pause": ("Pause submitting", "Send no more; what is at the service is followed to its end"),
    "resume": ("Go on", "Send what was never sent, collect what was left; nothing is sent twice"),
    "leave": ("Leave all", "Send no more and stop watching; what was sent may still be billed"),
    "retry": ("Retry failed", "Ask again for what failed or was refused: new tasks, billed anew"),
}


def _state(now: Progress) -> tuple[str, str, str]:
    """Sign, word and tone of the whole."""
    if now.active:
        return ("◐", "Pausing", "lx-warn") if now.paused else ("◐", "Running", "lx-run")
    looks = (look for kind, look in _IDLE_TEXTS.items() if now.counts.get(kind))
    return next(looks, ("●", "Done", "lx-good"))


def _head(now: Progress) -> str:
    sign, word, _ = _state(now)
    ended = sum(now.counts.get(kind, 0) for kind in ("saved", "failed", "rejected", "result_lost"))
    times = [
        f"{ended} of {now.total}",
        format_elapsed(now.elapsed_s) if now.active else format_duration(now.elapsed_s),
    ]
    if now.rate_per_min is not None:
        times.append(f"{now.rate_per_min:.0f} a minute")
    if now.eta_s is not None:
        times.append(f"about {_format_rough(now.eta_s)} left")
    name = first_line(now.name, 60) if now.name else f"batch of {now.total}"
    return (
        '<div class="lx-head" role="status"><span class="lx-state">'
        f'<span class="lx-sign" aria-hidden="true">{sign}</span>{word} '
        f'<span class="lx-model">· {name}</span></span>'
        f'<span class="lx-soft">{" · ".join(times)}</span></div>'
    )


def _format_rough(seconds: float) -> str:
    """Time left, no finer than it is known."""
    if seconds < 50:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{max(1, round(seconds / 60))} min"


def _bar(now: Progress) -> str:
    # What has ended first, in whatever way; then what runs; the rest is the empty bar.
    kinds = sorted(_KINDS, key=lambda kind: kind == "running")
    parts = [
        f'<span class="{tone}" style="width:{100 * now.counts[kind] / now.total:.2f}%"></span>'
        for kind in kinds
        if (tone := _KINDS[kind][2]) and now.counts.get(kind)
    ]
    label = escape(now.text, quote=True)
    return f'<div class="lx-meter" role="img" aria-label="{label}">{"".join(parts)}</div>'


def _counts(now: Progress) -> str:
    told = []
    for kind, (sign, word, tone, always) in _KINDS.items():
        number = now.counts.get(kind, 0)
        if number or (always and now.active):
            tone = tone if number else "lx-none"
            sign = f'<span class="lx-sign" aria-hidden="true">{sign}</span>'
            told.append(f'<span class="{tone}">{sign}{number} {word}</span>')
    return f'<div class="lx-counts">{"".join(told)}</div>'


def _reasons(now: Progress) -> str:
    lines = [_reason(outcome) for outcome in now.failures[:_REASONS]]
    more = len(now.failures) - len(lines)
    lines += [f'<li class="lx-soft">and {more} more: batch.failures lists them</li>'] * (more > 0)
    return f'<ul class="lx-whys">{"".join(lines)}</ul>' if lines else ""


def _reason(outcome: Outcome) -> str:
    sign, word, tone, _ = _KINDS.get(outcome.status, ("✕", outcome.status, "lx-bad", False))
    where = first_line(outcome.row, 40)
    where += f" · {first_line(outcome.column, 30)}" if outcome.column else ""
    reason = escape(outcome.reason)
    return (
        f'<li class="{tone}" title="{escape(outcome.reason, quote=True)}">'
        f'<span class="lx-sign" style="color:var(--lx-tone)" aria-hidden="true">{sign}</span> '
        f'<b>{outcome.index + 1} · {where}</b> <span class="lx-soft">{escape(word)}: {reason}'
        "</span></li>"
    )
