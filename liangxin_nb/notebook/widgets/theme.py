"""Shared by all widgets: style sheets and small pieces of HTML."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from ..._compat import process_events_while_busy
from ...core.formatting import format_duration, format_elapsed
from ...core.job_record import JobUpdate

__all__ = [
    "UNSAVED_NOTICE",
    "allow_events_while_busy",
    "close_all",
    "format_job_time",
    "image_tag",
    "sign_tag",
    "small_lines",
    "style_sheet",
]

#: The picture replaces a card, except in a page that was reloaded: it does not know the output.
UNSAVED_NOTICE: str = "The picture is written into the notebook file when the notebook is saved."


@cache
def style_sheet(*names: str) -> Markup:
    """Return style sheets of ``notebook/static`` as one ``<style>`` element.

    Args:
        names: File names without ``.css``, in the order of the cascade.
    """
    folder = files("liangxin_nb.notebook") / "static"
    rules = "".join((folder / f"{name}.css").read_text(encoding="utf-8") for name in names)
    return Markup("<style>\n{}</style>").format(Markup(rules))  # noqa: S704 a file of the package


def format_job_time(update: JobUpdate) -> str:
    """Format the time of a job: a running clock, and the duration once it has ended."""
    passed = (update.ended_at or time.time()) - update.record.created_at
    if update.is_final:
        return format_duration(update.record.duration_s or passed)
    return format_elapsed(passed)


def sign_tag(sign: str) -> Markup:
    """Return the sign of a state, hidden from screen readers: the word beside it is read."""
    return Markup('<span class="lx-sign" aria-hidden="true">{}</span>').format(sign)


def image_tag(jpeg: bytes, alt: str, *, css_class: str = "", style: str = "") -> Markup:
    """Return an ``<img>`` element with a JPEG in it."""
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    pairs = {"class": css_class, "alt": alt, "src": source, "style": style}
    attributes = (
        Markup(' {}="{}"').format(name, value)
        for name, value in pairs.items()
        if value or name == "alt"
    )
    return Markup("<img{}>").format(Markup("").join(attributes))


def small_lines(lines: Iterable[str]) -> Markup:
    """Return lines in small print, one below the other."""
    return Markup("").join(Markup('<div class="lx-small">{}</div>').format(line) for line in lines)


def close_all(widget: Any) -> None:
    """Close a widget and all in it: the kernel keeps every widget that is not closed."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in filter(None, (getattr(widget, name, None) for name in ("layout", "style"))):
        part.close()
    widget.close()


def allow_events_while_busy(*widgets: Any) -> None:
    """Let events of widgets and their children arrive while a cell blocks the kernel.

    ipykernel 7.4 remembers the thread that created a widget, and handles its events there, which
    waits for a running cell. Without that memory the thread that the front end chose is used.
    """
    for widget in widgets:
        process_events_while_busy(getattr(widget, "comm", None))
        allow_events_while_busy(*getattr(widget, "children", ()))
