"""What the rooms of the panel share: its style sheet, its labels, and how handlers are guarded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from liangxin_nb.errors import LiangxinError

from ..theme import STYLE

__all__ = ["COMPOSER_CSS", "ErrorBoundary", "button", "humanize", "section_title", "with_class"]

#: Labels stand above their controls, hints below them in room that is kept for two lines.
COMPOSER_CSS = STYLE.replace(
    "</style>",
    """
.lx-panel { max-width: 720px; padding: 16px; border-radius: 4px; gap: 8px;
  border: 1px solid var(--jp-border-color2, #e0e0e0); box-sizing: border-box;
  background: var(--jp-layout-color1, transparent); color: var(--jp-ui-font-color1, #212121); }
.lx-panel .jupyter-widgets { margin: 0; max-width: 100%; }
.lx-panel .widget-html, .lx-panel .widget-html-content { line-height: 1.4;
  height: auto; min-height: 0; font-size: var(--jp-ui-font-size1, 13px); white-space: normal;
  color: var(--jp-ui-font-color1, #212121);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); }
.lx-panel h3 { margin: 8px 0 0; font-size: var(--jp-ui-font-size1, 13px); font-weight: 600; }
.lx-panel .widget-inline-hbox { flex-direction: column; align-items: stretch; height: auto;
  width: 100%; gap: 2px; }
.lx-panel .widget-inline-hbox > .widget-label { width: auto; max-width: none; text-align: left;
  color: var(--jp-ui-font-color1, #212121); height: 20px; line-height: 20px; flex: none; }
.lx-panel .widget-inline-hbox input, .lx-panel .widget-inline-hbox select { width: 100%;
  box-sizing: border-box; flex: none; height: 28px; min-width: 0; }
.lx-panel input, .lx-panel select, .lx-panel textarea { border-radius: 2px; font-size: 13px;
  font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  border: 1px solid var(--lx-line, var(--jp-border-color0, #8d8d8d)) !important; }
.lx-panel ::placeholder { color: var(--jp-ui-font-color2, #616161); opacity: 1; }
.lx-panel :disabled { opacity: 1; color: var(--jp-ui-font-color2, #616161);
  background-color: var(--jp-layout-color2, #eee); }
.lx-panel .widget-checkbox { width: 100%; height: 20px; line-height: 20px; }
.lx-panel .widget-checkbox input { width: auto; height: auto; flex: none; margin: 0 6px 0 0; }
.lx-panel .widget-inline-hbox.widget-checkbox { flex-direction: row; align-items: center; }
.lx-panel .widget-label-basic { display: flex; align-items: center; width: auto;
  color: var(--jp-ui-font-color1, #212121); }
.lx-panel .jupyter-button { width: auto; height: 28px; line-height: 28px; padding: 0 12px;
  flex: none; font-family: var(--jp-ui-font-family, system-ui, sans-serif); }
.lx-panel .jupyter-button:focus-visible, .lx-card .jupyter-button:focus-visible,
.lx-panel input:focus-visible, .lx-panel select:focus-visible, .lx-panel textarea:focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2) !important; outline-offset: 1px; }
.lx-bar { gap: 8px; align-items: center; flex-wrap: wrap; overflow: visible; }
.lx-bar.lx-foot { align-items: flex-end; }
.lx-grow { flex: 1 1 200px; min-width: 0; }
.lx-field .lx-bar { flex-wrap: nowrap; }
.lx-field .lx-grow { flex-basis: 60px; }
.lx-fields { display: grid !important; gap: 4px 16px; overflow: visible;
  grid-template-columns: repeat(auto-fill, minmax(min(200px, 100%), 1fr)); }
.lx-field { overflow: visible; }
.lx-panel .lx-wide { grid-column: 1 / -1; }
.lx-panel .lx-hint .widget-html-content { font-size: 11px;
  color: var(--jp-ui-font-color2, #616161); }
.lx-panel .lx-field > .lx-hint { min-height: 32px; margin-top: 2px; }
.lx-panel select { appearance: auto; background-image: none !important; padding: 0 4px; }
[data-jp-theme-light="false"] .lx-panel { color-scheme: dark; }
.lx-number { gap: 2px; overflow: visible; }
.lx-panel .lx-reference { margin-top: 4px; }
.lx-panel .lx-beside { min-height: 18px; }
.lx-blank input { color: transparent !important; }
.lx-warned { color: var(--jp-ui-font-color1, #212121); }
.lx-wrong { color: var(--jp-error-color0, #b71c1c); }
[data-jp-theme-light="false"] .lx-wrong { color: var(--jp-error-color3, #ef9a9a); }
.lx-unseen > .widget-label { position: absolute; clip-path: inset(50%); width: 1px !important;
  overflow: hidden; }
.lx-panel .lx-prompting textarea { font-size: var(--jp-content-font-size1, 14px); line-height: 1.5;
  font-family: var(--jp-content-font-family, system-ui, sans-serif); min-height: 88px; }
.lx-panel .widget-textarea textarea { width: 100%; box-sizing: border-box; flex: none; }
.lx-panel .widget-textarea { height: auto; }
.lx-panel .lx-code textarea { font-family: var(--jp-code-font-family, monospace);
  white-space: pre-wrap;
  font-size: var(--jp-code-font-size, 13px); }
.lx-codes { display: grid !important; gap: 4px 16px; overflow: visible;
  grid-template-columns: repeat(auto-fit, minmax(min(280px, 100%), 1fr)); }
.lx-service .lx-fields { gap: 8px 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(280px, 100%), 1fr)); }
.lx-service { padding: 8px 0 16px; gap: 12px; overflow: visible;
  border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
.lx-reference img { width: 28px; height: 28px; object-fit: cover; border-radius: 4px;
  vertical-align: middle; margin-right: 8px; }
.lx-shelf { gap: 8px; overflow: visible; }
.lx-shelf .lx-head > .widget-html { width: auto; }
.lx-shelf .lx-card { max-width: none; margin: 0; }
.lx-framed { display: grid !important; grid-template-columns: 200px minmax(0, 1fr); gap: 16px;
  margin: 4px 0 !important; }
.lx-framed .lx-picture, .lx-empty { margin: 0; height: 150px; max-height: 150px; }
.lx-framed .lx-picture { width: auto; max-width: 200px; }
.lx-empty { display: flex; align-items: center; justify-content: center; border-radius: 4px;
  box-sizing: border-box; font-size: 24px; color: var(--jp-ui-font-color2, #616161);
  background: var(--jp-layout-color2, #f2f2f2); }
@media (max-width: 560px) { .lx-framed { grid-template-columns: minmax(0, 1fr); } }
</style>""",
)


def section_title(text: str) -> widgets.HTML:
    """A heading."""
    return widgets.HTML(f"<h3>{escape(text)}</h3>")


def humanize(name: str) -> str:
    """An input's name on the wire, as people would say it."""
    return name.replace("_", " ").capitalize()


def with_class(widget: Any, *names: str) -> Any:
    """The widget, with classes of the style sheet."""
    for name in names:
        widget.add_class(name)
    return widget


def button(word: str, tip: str, press: Callable[[], object], **more: Any) -> widgets.Button:
    """A button that says what it does."""
    made = widgets.Button(description=word, tooltip=tip, **more)
    made.on_click(lambda _: press())
    return made


class ErrorBoundary:
    """Runs handlers one at a time and shows what goes wrong in them; no one else would.

    `line` is the widget that shows it; its room is kept.
    """

    def __init__(self) -> None:
        self.line = with_class(widgets.HTML(layout={"min_height": "20px"}), "lx-grow")
        # A press may come on a thread of its own while another handler runs.
        self._lock = threading.RLock()

    def __call__(self, handler: Callable[..., object]) -> Callable[..., None]:
        """The handler, guarded; the arguments that a widget adds are dropped."""

        def run(*_: Any) -> None:
            with self._lock:
                before, at_fault = self.line.value, "lx-wrong" in self.line.value
                try:
                    handler()
                    if at_fault and self.line.value == before:
                        self.show()  # what went wrong before is past
                except LiangxinError as error:
                    self.show(str(error), wrong=True)
                except Exception as error:
                    self.show(f"{type(error).__name__}: {error}", wrong=True)

        return run

    def show(self, text: str = "", *, wrong: bool = False) -> None:
        """Shows one remark, read out where it matters; without a text the last one goes."""
        role, kind = ("alert", "lx-wrong") if wrong else ("status", "lx-soft")
        self.line.value = f'<div role="{role}" class="{kind}">{escape(text)}</div>' if text else ""
