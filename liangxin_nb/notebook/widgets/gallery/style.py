"""How the gallery looks: its style sheet, and the signs and words of statuses and kinds."""

from __future__ import annotations

from datetime import datetime

from ..theme import StateStyle, state_style

__all__ = ["GALLERY", "KINDS", "SANDBOX", "STATES", "count_of", "format_time", "state_label"]

SANDBOX = "Sandbox: drawn on this machine, no model was run."

#: What the state filter offers: words for people, and the ledger's statuses.
STATES: dict[str, tuple[str, ...]] = {
    "Kept": ("saved",),
    "Still running": ("pending", "submitting", "submitted", "succeeded"),
    "Unconfirmed (may be billed)": ("unconfirmed",),
    "Failed, rejected or lost": ("failed", "rejected", "result_lost"),
    "Deleted": ("deleted",),
    "Any state": (),
}

#: What stands in the place of a picture: a sign and a word.
KINDS = {
    "video": ("▶", "Film"),
    "audio": ("♪", "Sound"),
    "text": ("¶", "Text"),
    "file": ("◫", "File"),
}

_STATE_LABELS = {
    "saved": "saved",
    "pending": "submitting",
    "submitting": "submitting",
    "succeeded": "saving",
}


def state_label(name: str, state: str = "") -> StateStyle:
    """How a ledger's status looks; a running one by the service's own last word."""
    if name == "deleted":
        return StateStyle("–", "Deleted", "soft")
    if name == "submitted":
        return state_style(state or "waiting")
    return state_style(_STATE_LABELS.get(name, name))


def format_time(at: float) -> str:
    """A time of day in the local zone: 2026-11-21 17:45."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}"


def count_of(count: int, one: str = "result", more: str = "results") -> str:
    """A number with its noun: 1 result, 9,500 results."""
    return f"{count:,} {one if count == 1 else more}"


GALLERY = """<style>
.lx-gallery { max-width: none; margin: 4px 0; padding: 12px 16px; border-radius: 4px; gap: 8px;
  border: 1px solid var(--jp-border-color2, #e0e0e0);
  background: var(--jp-layout-color1, transparent); color: var(--jp-ui-font-color1, #212121);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); overflow: visible; }
.lx-gallery .jupyter-widgets { margin: 0; }
.lx-gallery .widget-html-content, .lx-gallery .jupyter-widget-html-content { line-height: 1.45;
  font-size: var(--jp-ui-font-size1, 13px); }
.lx-gallery .jupyter-button { width: auto; }
.lx-gallery .widget-label { color: var(--jp-ui-font-color1, #212121); }
.lx-gallery .jupyter-button:focus-visible, .lx-gallery a:focus-visible,
.lx-gallery [tabindex]:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2);
  outline-offset: 1px; }
.lx-gallery .lx-title { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; }
.lx-gallery .lx-title b { font-size: var(--jp-ui-font-size2, 15px); }
/* Filters: the label above its control, as many in a row as fit. */
.lx-gallery .lx-filters { display: grid; gap: 8px 12px; overflow: visible; align-items: end;
  grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); padding: 0 0 10px 0;
  border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }
.lx-gallery .lx-filters > .widget-inline-hbox { flex-direction: column; align-items: stretch;
  width: auto; height: auto; min-width: 0; }
.lx-gallery .lx-filters .widget-label { width: auto; text-align: left; height: 18px;
  line-height: 18px; font-size: var(--jp-ui-font-size0, 11px);
  color: var(--jp-ui-font-color2, #616161); }
.lx-gallery .lx-filters > .widget-inline-hbox > * { flex: 0 0 auto; }
.lx-gallery .lx-filters select { height: 28px; }
.lx-gallery .lx-filters input, .lx-gallery .lx-filters select { width: 100%; min-width: 0; }
.lx-gallery .lx-wide { grid-column: span 2; }
.lx-gallery .lx-row { flex-wrap: wrap; align-items: center; gap: 4px 8px; overflow: visible; }
.lx-gallery .lx-push { margin-left: auto; }
.lx-gallery .lx-count { font-variant-numeric: tabular-nums; white-space: nowrap; }
.lx-gallery .lx-said { min-height: 20px; margin: -2px 0; }
.lx-gallery .lx-danger { min-width: 118px; }
/* The stock button counts its files, of which there is never more than none. */
.lx-gallery .lx-upload { font-size: 0; }
.lx-gallery .lx-upload i { font-size: var(--jp-ui-font-size1, 13px); margin-right: 6px; }
.lx-gallery .lx-upload::after { content: "Read a picture's story" / "";
  font-size: var(--jp-ui-font-size1, 13px); }
.lx-gallery .lx-trouble { color: var(--jp-error-color1, #d32f2f); }
/* The contact sheet. */
.lx-gallery .lx-sheet { display: grid; gap: 12px; overflow: visible; padding: 2px; }
.lx-tile { position: relative; border-radius: 4px; overflow: visible;
  border: 1px solid var(--jp-border-color2, #e0e0e0); background: var(--jp-layout-color1, #fff); }
.lx-tile:has(input:checked) { outline: 2px solid var(--jp-brand-color1, #1976d2);
  border-color: transparent; }
.lx-tile .widget-html, .lx-tile .widget-html-content { width: 100%; }
.lx-gallery .lx-tile .lx-open { position: absolute; inset: 0; width: 100%; height: 100%;
  background: transparent; border-radius: 4px; z-index: 1; box-shadow: none; }
.lx-gallery .lx-tile .lx-open:hover { background: transparent;
  box-shadow: inset 0 0 0 1px var(--jp-border-color1, #bdbdbd); }
.lx-gallery .lx-tile .lx-pick { position: absolute; top: 6px; left: 6px; width: 24px; height: 24px;
  z-index: 2; border-radius: 4px; overflow: visible; padding: 0;
  background: var(--jp-layout-color1, #fff); border: 1px solid var(--jp-border-color1, #bdbdbd); }
.lx-tile .lx-pick label { display: flex; width: 24px; height: 24px; padding: 0; margin: 0;
  align-items: center; justify-content: center; }
.lx-tile .lx-pick input { margin: 0; width: 15px; height: 15px; }
.lx-tile .lx-pick span { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.lx-frame { aspect-ratio: 1; display: flex; align-items: center; justify-content: center;
  overflow: hidden; border-radius: 3px 3px 0 0; background: var(--jp-layout-color2, #eeeeee);
  text-align: center; }
.lx-frame img { width: 100%; height: 100%; object-fit: scale-down; display: block; }
.lx-frame .lx-instead { padding: 28px 12px 12px; overflow: hidden; max-height: 100%;
  box-sizing: border-box; font-size: var(--jp-ui-font-size0, 11px); overflow-wrap: anywhere;
  color: var(--jp-ui-font-color1, #212121); }
.lx-frame .lx-kind { display: block; font-size: 30px; line-height: 1.3; }
.lx-frame .lx-words { text-align: left; display: -webkit-box; -webkit-line-clamp: 4;
  -webkit-box-orient: vertical; overflow: hidden; margin-top: 4px; }
.lx-caption { padding: 6px 8px 8px; }
.lx-caption .lx-line { font-family: var(--jp-content-font-family, system-ui, sans-serif);
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden;
  overflow-wrap: anywhere; line-height: 1.35; height: 2.7em; }
.lx-caption .lx-line + .lx-small { margin-top: 4px; }
.lx-caption .lx-small { white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
/* What is left behind below it is for a notebook without a kernel: the same page once more. */
.jp-OutputArea-child:has(.lx-gallery) ~ .jp-OutputArea-child:has(.lx-behind)
  + .jp-OutputArea-child { display: none; }
.lx-nothing { padding: 48px 16px; text-align: center; }
/* One result. */
.lx-gallery .lx-one { flex-wrap: wrap; gap: 16px; overflow: visible; align-items: flex-start; }
.lx-gallery .lx-one > .lx-left { flex: 3 1 360px; min-width: 0; max-width: 1024px; }
.lx-gallery .lx-one > .lx-right { flex: 2 1 320px; min-width: 0; max-width: 620px; gap: 8px;
  overflow: visible; }
.lx-gallery .lx-left img { display: block; width: 100%; height: auto; border-radius: 4px;
  box-sizing: border-box; border: 1px solid var(--jp-border-color2, #e0e0e0); }
.lx-gallery .lx-left .lx-frame { aspect-ratio: auto; min-height: 160px; }
.lx-several { display: grid; gap: 8px;
  grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); }
.lx-whole { font-family: var(--jp-content-font-family, system-ui, sans-serif); margin: 6px 0 10px;
  font-size: var(--jp-content-font-size1, 14px); line-height: 1.5; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 15em; overflow: auto; }
.lx-facts { margin: 0; }
.lx-facts div { display: grid; grid-template-columns: 96px minmax(0, 1fr); gap: 2px 12px; }
.lx-facts dt { font-weight: 400; color: var(--jp-ui-font-color2, #616161); margin: 0; width: auto;
  float: none; overflow-wrap: anywhere; }
.lx-facts dd { margin: 0; width: auto; overflow-wrap: anywhere; }
.lx-gallery .lx-view { gap: 8px; overflow: visible; }
.lx-gallery .lx-copy { flex-direction: column; height: auto; width: 100%; }
.lx-gallery .lx-copy .widget-label { width: auto; height: 20px; line-height: 20px;
  text-align: left; }
.lx-gallery .lx-copy textarea { width: 100%; height: 104px; resize: vertical;
  font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px); }
.lx-gallery .lx-links .jp-OutputArea-output, .lx-gallery .lx-links .jp-RenderedHTMLCommon {
  padding: 0; }
.lx-gallery .lx-links a { margin-right: 12px; text-decoration: underline; }
/* Some results side by side. */
.lx-compare { overflow-x: auto; }
.lx-compare table { border-collapse: collapse; width: 100%; table-layout: fixed; }
.lx-compare th, .lx-compare td { text-align: left; vertical-align: top; padding: 6px 8px;
  border-top: 1px solid var(--jp-border-color2, #e0e0e0); overflow-wrap: anywhere;
  font-weight: 400; }
.lx-compare tr > :first-child { width: 104px; color: var(--jp-ui-font-color2, #616161); }
.lx-compare thead th, .lx-compare thead td { border-top: 0; }
.lx-compare img { width: 100%; max-width: 384px; height: auto; display: block; border-radius: 4px;
  border: 1px solid var(--jp-border-color2, #e0e0e0); box-sizing: border-box; }
.lx-compare .lx-differs td { font-weight: 600; background: var(--jp-layout-color2, #eeeeee); }
.lx-compare .lx-differs > th:first-child { color: var(--jp-ui-font-color1, #212121); }
.lx-compare .lx-prompts td { font-weight: 400; }
.lx-compare mark { font-weight: 600; color: inherit; background: transparent;
  box-shadow: inset 0 -2px 0 var(--jp-warn-color1, #f57c00); }
</style>"""
