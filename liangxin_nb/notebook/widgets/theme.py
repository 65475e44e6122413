"""What all screen parts share: the look of each state, the style sheet, the words for time."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ..._compat import process_events_while_busy

__all__ = [
    "STYLE",
    "StateStyle",
    "allow_events_while_busy",
    "first_line",
    "format_duration",
    "format_elapsed",
    "state_style",
]

#: The one style sheet; colours are the host's own, with a fallback for hosts that have none.
STYLE = """<style>
.lx-card { max-width: 720px; margin: 4px 0; padding: 8px 12px; border-radius: 4px;
  border: 1px solid var(--jp-border-color2, #e0e0e0);
  border-left: 3px solid var(--lx-tone, var(--jp-border-color1, #bdbdbd));
  background: var(--jp-layout-color1, transparent); color: var(--jp-ui-font-color1, #212121); }
.lx-run { --lx-tone: var(--jp-brand-color1, #1976d2); }
.lx-good { --lx-tone: var(--jp-success-color1, #388e3c); }
.lx-bad { --lx-tone: var(--jp-error-color1, #d32f2f); }
.lx-warn { --lx-tone: var(--jp-warn-color1, #f57c00); }
.lx-card .widget-html, .lx-card .jupyter-widgets { margin: 0; }
.lx-card .widget-html-content, .lx-card .jupyter-widget-html-content { line-height: 1.5;
  font-size: var(--jp-ui-font-size1, 13px);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); }
.lx-head { justify-content: space-between; gap: 16px; }
.lx-head > .widget-html { width: auto; flex: 0 1 auto; }
.lx-state { font-weight: 600; }
.lx-state .lx-sign { color: var(--lx-tone); display: inline-block; width: 1.3em; }
.lx-state .lx-model { font-weight: 400; }
.lx-soft { color: var(--jp-ui-font-color2, #616161); }
.lx-head .lx-soft { font-variant-numeric: tabular-nums; white-space: nowrap; }
.lx-prompt { font-family: var(--jp-content-font-family, system-ui, sans-serif);
  font-size: var(--jp-content-font-size1, 14px); overflow: hidden; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; }
.lx-small { font-size: var(--jp-ui-font-size0, 11px); color: var(--jp-ui-font-color2, #616161);
  overflow-wrap: anywhere; min-height: 1.5em; }
.lx-id { font-family: var(--jp-code-font-family, monospace); user-select: all; }
.lx-picture { display: block; box-sizing: border-box; max-width: 100%; height: auto;
  margin: 8px 0; border-radius: 4px; border: 1px solid var(--jp-border-color2, #e0e0e0); }
.lx-body { flex-direction: column; }
.lx-row { margin-top: 4px !important; flex-wrap: wrap; gap: 8px; min-height: 28px; }
.lx-card .lx-copy { width: 100%; max-width: 100%; height: auto; flex-direction: column;
  align-items: stretch; }
.lx-card .lx-copy > .widget-label { width: auto; max-width: none; text-align: left; }
.lx-card .lx-copy > textarea { flex: none; }
.lx-copy textarea { font-family: var(--jp-code-font-family, monospace); }
.lx-card .jupyter-button { width: auto; }
</style>"""


@dataclass(frozen=True)
class StateStyle:
    """A state for people: a sign, a word and a tone, so that any one may be missing."""

    sign: str
    word: str
    tone: str


_STATE_STYLES = {
    "pending": StateStyle("○", "Not sent yet", "run"),
    "submitting": StateStyle("○", "Sending", "run"),
    "waiting": StateStyle("○", "Waiting", "run"),
    "queuing": StateStyle("◔", "Queuing", "run"),
    "generating": StateStyle("◐", "Generating", "run"),
    "saving": StateStyle("◕", "Saving", "run"),
    "saved": StateStyle("●", "Done", "good"),
    "failed": StateStyle("✕", "Failed", "bad"),
    "rejected": StateStyle("✕", "Rejected", "bad"),
    "result_lost": StateStyle("✕", "Result lost", "bad"),
    "detached": StateStyle("◇", "Detached (still running)", "warn"),
    "unconfirmed": StateStyle("?", "Unconfirmed (may be billed)", "warn"),
}


def state_style(phase: str) -> StateStyle:
    """How a phase looks; a state that no one documented keeps its own name."""
    return _STATE_STYLES.get(phase) or StateStyle("◌", escape(phase.capitalize()), "run")


def format_elapsed(seconds: float) -> str:
    """Elapsed time as it ticks: 0:14, 12:05."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02}"


def format_duration(seconds: float) -> str:
    """A duration that stands still: 17 s, 2:05 min."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{format_elapsed(seconds)} min"


def first_line(text: str, max_length: int = 240) -> str:
    """The first line of a text from outside, cut and escaped."""
    line = text.strip().partition("\n")[0]
    return escape(line if len(line) <= max_length else line[: max_length - 1] + "…")


def allow_events_while_busy(*parts: Any) -> None:
    """Process clicks and input of widgets and their children while a cell blocks the kernel."""
    for part in parts:
        process_events_while_busy(getattr(part, "comm", None))
        allow_events_while_busy(*getattr(part, "children", ()))
