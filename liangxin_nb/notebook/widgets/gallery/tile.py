"""A tile of the gallery; the same widgets show page after page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.core.formatting import first_line, format_count, format_time, printable
from liangxin_nb.library import LibraryEntry

from ..theme import image_tag, small_lines
from .style import KINDS, state_label

__all__ = ["Tile", "picture_html"]

_MAX_LABEL_LENGTH = 160
_MAX_REASON_LENGTH = 120


class Tile:
    """A picture with its caption, a checkbox to select it, and a button over it to open it.

    Attributes:
        entry: The entry that is shown, or None.
        open: The button.
        pick: The checkbox.
        box: The widget.
        is_drawing: Whether the checkbox is being set by the program; guarded by the lock of the
            status line.
    """

    entry: LibraryEntry | None
    open: Any
    pick: Any
    box: Any
    is_drawing: bool

    def __init__(
        self,
        on_open: Callable[[Tile], None],
        on_pick: Callable[[Tile], None],
        template: Tile | None = None,
    ) -> None:
        """Create an empty tile.

        Args:
            on_open: Called with the tile when its button is clicked.
            on_pick: Called with the tile when its checkbox changes.
            template: A tile whose layouts and styles are shared; they are most of the cost.
        """
        html_args, open_args, pick_args, box_args = (
            template._shared_args() if template else ({}, {}, {}, {})
        )
        self.entry = None
        self._html = widgets.HTML(**html_args)
        self.open = widgets.Button(**open_args)
        self.pick = widgets.Checkbox(indent=False, **pick_args)
        # The tab key reaches the picture first, then its checkbox.
        self.box = widgets.VBox([self.open, self._html, self.pick], **box_args)
        self.box.add_class("lx-tile")
        self.open.add_class("lx-open")
        self.pick.add_class("lx-pick")
        self.open.on_click(lambda _: on_open(self))
        self.is_drawing = False
        self.pick.observe(lambda _: on_pick(self), names="value")

    def _shared_args(self) -> tuple[dict[str, Any], ...]:
        parts = (self._html, self.open, self.pick)
        args = [{"layout": widget.layout, "style": widget.style} for widget in parts]
        return (*args, {"layout": self.box.layout})

    def show(self, entry: LibraryEntry, picture: bytes, excerpt: str, selected: bool) -> None:
        """Show an entry.

        Args:
            entry: The entry.
            picture: Its thumbnail, or no bytes.
            excerpt: The beginning of its text, shown without a thumbnail.
            selected: Whether the checkbox is ticked.
        """
        self.entry = entry
        label = " ".join(entry.record.request.prompt.split())[:_MAX_LABEL_LENGTH]
        self.is_drawing = True
        try:
            self._html.value = picture_html(entry, picture, excerpt) + _caption(entry)
            self.open.tooltip = f"Open: {label}"
            with self.pick.hold_sync():
                self.pick.description = f"Select: {label}"
                self.pick.value = selected
        finally:
            self.is_drawing = False

    def show_picture(self, entry: LibraryEntry, picture: bytes) -> None:
        """Show a thumbnail made in the background, if the tile still shows its entry."""
        if self.entry is not None and self.entry.id == entry.id:
            html = picture_html(entry, picture, "", is_final=True)
            self._html.value = html + _caption(entry)

    def set_selected(self, selected: bool) -> None:
        """Set the checkbox without calling the handler's work."""
        self.is_drawing = True
        try:
            self.pick.value = selected
        finally:
            self.is_drawing = False


def picture_html(
    entry: LibraryEntry, picture: bytes, excerpt: str, *, is_final: bool = False
) -> Markup:
    """Return the square of a tile: the picture, or a placeholder.

    Args:
        entry: The entry.
        picture: Its thumbnail, or no bytes.
        excerpt: The beginning of its text.
        is_final: Whether no thumbnail will be made any more.
    """
    frame = Markup('<div class="lx-frame">{}</div>')
    if picture:
        return frame.format(image_tag(picture, entry.record.request.prompt))
    sign, *lines = _placeholder(entry, is_final)
    return frame.format(
        Markup(
            '<div class="lx-placeholder"><span class="lx-kind" aria-hidden="true">{}</span>{}{}'
            "</div>"
        ).format(
            sign,
            Markup("<br>").join(lines),
            Markup('<span class="lx-excerpt">{}</span>').format(excerpt) if excerpt else "",
        )
    )


def _placeholder(entry: LibraryEntry, is_final: bool) -> tuple[str, ...]:
    """Return a sign and lines of text for an entry without a picture."""
    if entry.files_missing:
        return "∅", "The files are no longer in the folder"
    if entry.record.status != "saved":
        style = state_label(entry.record)
        reason = first_line(entry.record.reason, _MAX_REASON_LENGTH)
        return (style.sign, style.word, reason) if reason else (style.sign, style.word)
    if entry.kind == "image":
        failed = ("∅", "This picture cannot be read")
        return failed if is_final else ("…", "Its thumbnail is being made")
    return KINDS.get(entry.kind, KINDS["file"])


def _caption(entry: LibraryEntry) -> Markup:
    record = entry.record
    facts = [record.request.model]
    if entry.kind == "video":
        facts.append("film")
    if len(entry.pictures) > 1:
        facts.append(format_count(len(entry.pictures), "picture"))
    if record.profile == "sandbox":
        facts.append("drawing")
    style = state_label(record)
    badge = Markup('<div class="lx-badge">{} {}</div>').format(style.sign, style.word)
    return Markup('{}<div class="lx-caption"><div class="lx-line">{}</div>{}</div>').format(
        badge if record.is_partial else "",
        first_line(record.request.prompt),
        small_lines([printable(" · ".join(facts)), format_time(record.created_at)]),
    )
