"""One place of the contact sheet; the same widgets show page after page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from liangxin_nb.library import LibraryEntry

from ..theme import first_line
from .style import KINDS, count_of, format_time, state_label

__all__ = ["Tile", "data_uri", "tile_html"]

_LONGEST_NAME = 160


class Tile:
    """A picture, its caption, a box to choose it and a button over it all to open it.

    `like`: another tile, whose layouts and styles it shares: most of a widget's cost are these.
    """

    def __init__(
        self, open_: Callable[[Tile], None], pick: Callable[[Tile], None], like: Tile | None = None
    ) -> None:
        same = like._shared() if like else ({}, {}, {}, {})
        self.entry: LibraryEntry | None = None
        self._html = widgets.HTML(**same[0])
        self.open = widgets.Button(**same[1])
        self.pick = widgets.Checkbox(indent=False, **same[2])
        # In this order the tab key meets the picture first, and then its box.
        self.box = widgets.VBox([self.open, self._html, self.pick], **same[3])
        self.box.add_class("lx-tile")
        self.open.add_class("lx-open")
        self.pick.add_class("lx-pick")
        self.open.on_click(lambda _: open_(self))
        #: Whether its box is being ticked from here, by whoever holds the line's lock.
        self.drawing = False
        self.pick.observe(lambda _: pick(self), names="value")

    def _shared(self) -> tuple[dict[str, Any], ...]:
        html, open_, pick = self._html, self.open, self.pick
        styled = [{"layout": w.layout, "style": w.style} for w in (html, open_, pick)]
        return (*styled, {"layout": self.box.layout})

    def show(self, entry: LibraryEntry, picture: bytes, words: str, chosen: bool) -> None:
        """Shows an entry with its thumbnail, or with a sign and its first words."""
        self.entry = entry
        name = " ".join(entry.record.request.prompt.split())[:_LONGEST_NAME]
        self.drawing = True
        try:
            self._html.value = tile_html(entry, picture, words) + _caption(entry)
            self.open.tooltip = f"Open: {name}"
            with self.pick.hold_sync():
                self.pick.description = f"Select: {name}"
                self.pick.value = chosen
        finally:
            self.drawing = False

    def draw(self, entry: LibraryEntry, picture: bytes) -> None:
        """Shows a thumbnail that was made meanwhile, if it is still this entry's place."""
        if self.entry is not None and self.entry.id == entry.id:
            self._html.value = tile_html(entry, picture, "", made=True) + _caption(entry)

    def choose(self, chosen: bool) -> None:
        """Ticks its box, without telling anybody."""
        self.drawing = True
        try:
            self.pick.value = chosen
        finally:
            self.drawing = False


def data_uri(picture: bytes) -> str:
    """A JPEG as an image's address."""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def tile_html(entry: LibraryEntry, picture: bytes, words: str, made: bool = False) -> str:
    """The square of a tile: the picture, or what stands in its place."""
    if picture:
        alt = escape(entry.record.request.prompt, quote=True)
        return f'<div class="lx-frame"><img alt="{alt}" src="{data_uri(picture)}"></div>'
    sign, said = _placeholder(entry, made)
    first = f'<span class="lx-words">{escape(words)}</span>' if words else ""
    return (
        f'<div class="lx-frame"><div class="lx-instead"><span class="lx-kind" aria-hidden="true">'
        f"{sign}</span>{said}{first}</div></div>"
    )


def _placeholder(entry: LibraryEntry, made: bool) -> tuple[str, str]:
    """A sign and words for what shows no picture."""
    if entry.files_missing:
        return "∅", "The files are no longer in the folder"
    if entry.record.status != "saved":
        seen = state_label(entry.record.status, entry.record.state)
        reason = first_line(entry.record.reason, 120)
        return seen.sign, f"{seen.word}{f'<br>{reason}' if reason else ''}"
    if entry.kind == "image":
        return (
            ("∅", "This picture cannot be read") if made else ("…", "Its thumbnail is being made")
        )
    return KINDS.get(entry.kind, KINDS["file"])


def _caption(entry: LibraryEntry) -> str:
    record = entry.record
    drawn = ["drawing"] if record.profile == "sandbox" else []
    more = [count_of(len(entry.pictures), more="pictures")] if len(entry.pictures) > 1 else []
    film = ["film"] if entry.kind == "video" else []
    facts = " · ".join([escape(record.request.model), *film, *more, *drawn])
    return (
        f'<div class="lx-caption"><div class="lx-line">{first_line(record.request.prompt)}</div>'
        f'<div class="lx-small">{facts}</div><div '
        f'class="lx-small">{format_time(record.created_at)}</div></div>'
    )
