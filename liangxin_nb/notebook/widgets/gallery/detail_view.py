"""One result, large: its picture, its facts, its files, the cell that made it, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets

from liangxin_nb.library import EmbeddedMetadata, LibraryEntry

from .controls import ConfirmButton, StatusLine, linked, set_visible
from .details import entry_details, metadata_details
from .style import count_of
from .tile import data_uri, tile_html

__all__ = ["MAX_PICTURES", "DetailView"]

#: Pictures of one result that are shown large; the rest is in its folder.
MAX_PICTURES = 8


class DetailActions(Protocol):
    """What the buttons do."""

    def back(self) -> None: ...
    def step(self, by: int) -> None: ...
    def edit(self) -> None: ...
    def reference(self) -> None: ...
    def ask(self) -> str: ...
    def delete(self) -> None: ...


class DetailView:
    """The view of one entry, or of the story of a file that was brought along."""

    def __init__(self, status_line: StatusLine, ways: DetailActions) -> None:
        button = status_line.button
        self.back = button("Back to all", "Shows the contact sheet again", ways.back)
        self.previous = button(
            "Previous one", "The result before this one", lambda: ways.step(-1), own=True
        )
        self.next = button("Next one", "The result after this one", lambda: ways.step(1), own=True)
        self.edit = button(
            "Send to the composer", "Takes model, prompt and options over", ways.edit, own=True
        )
        self.reference = button(
            "Use as reference", "Sends this picture along with a new prompt",
            ways.reference, own=True,
        )  # fmt: skip
        self.delete = ConfirmButton(
            status_line, "Deletes its files; asks first", ways.ask, ways.delete
        )
        self.copy = widgets.Textarea(description="The cell that made it")
        self.copy.add_class("lx-copy")
        self._picture, self._facts = widgets.HTML(), widgets.HTML()
        self._files, self._player = widgets.Output(), widgets.Output()
        for output in (self._files, self._player):
            output.add_class("lx-links")
        self.box = self._laid_out()

    def _laid_out(self) -> Any:
        head = widgets.HBox([self.back, self.previous, self.next])
        deeds = widgets.HBox([self.edit, self.reference, self.delete.button, self.delete.cancel])
        for row in (head, deeds):
            row.add_class("lx-row")
        right = widgets.VBox([self._facts, self._files, deeds, self.copy])
        left = widgets.VBox([self._picture, self._player])
        left.add_class("lx-left")
        right.add_class("lx-right")
        both = widgets.HBox([left, right])
        both.add_class("lx-one")
        box = widgets.VBox([head, both])
        box.add_class("lx-view")
        return box

    @property
    def buttons(self) -> list[Any]:
        """All of them, and the field."""
        return [
            self.back, self.previous, self.next, self.edit, self.reference, self.delete.button,
            self.delete.cancel, self.copy,
        ]  # fmt: skip

    def show(self, entry: LibraryEntry, small: bytes, cell: str, words: str) -> None:
        """Shows an entry, at first with its thumbnail in the large picture's place."""
        self._image_tag(entry.record.status == "saved", bool(entry.pictures and entry.folder))
        if small:
            self._picture.value = _image(entry, small, 0)
        else:
            self._picture.value = tile_html(entry, b"", words, made=True)
        self._facts.value = entry_details(entry)
        self._set_code(cell)

    def enlarge(self, entry: LibraryEntry, pictures: Sequence[bytes]) -> None:
        """Puts the large pictures in the place of the thumbnail."""
        images = [_image(entry, data, n) for n, data in enumerate(pictures) if data]
        if len(images) == 1:
            self._picture.value = images[0]
        elif images:
            more = len(entry.pictures) - len(images)
            rest = f'<div class="lx-small">{more} more in the folder</div>' if more > 0 else ""
            self._picture.value = f'<div class="lx-several">{"".join(images)}</div>{rest}'

    def show_files(self, links: Sequence[tuple[str, str]], player: str) -> None:
        """Shows links to the originals, or what is no picture as it is played or read."""
        word = f"{count_of(len(links), 'file', 'files')}: " if len(links) > 1 else ""
        anchors = [
            f'<a href="{escape(address, quote=True)}" target="_blank" rel="noopener">'
            f"Open the original {escape(name)}</a>"
            for name, address in links
        ]
        html = word + " ".join(anchors) if anchors and not player else ""
        self._files.outputs = (linked(html),) if html else ()
        # What plays, or can be read, stands in the picture's place.
        self._player.outputs = (linked(player),) if player else ()
        set_visible(self._player, bool(player))
        set_visible(self._picture, not player)

    def show_metadata(self, embedded: EmbeddedMetadata, cell: str) -> None:
        """Shows the story of a file that was brought along, or why there is none."""
        self._image_tag(False, False)
        self._picture.value = (
            f'<img alt="" src="{data_uri(embedded.picture)}">' if embedded.picture else ""
        )
        metadata = embedded.metadata
        self._facts.value = (
            metadata_details(metadata) if metadata else f"<div>{escape(embedded.reason)}</div>"
        )
        self.show_files((), "")
        set_visible(self.edit, metadata is not None)
        set_visible(self.copy, metadata is not None)
        for widget in (self.previous, self.next):
            set_visible(widget, False)
        self._set_code(cell)

    def show_code(self, code: str, label: str) -> None:
        """Puts another code into the field to copy from."""
        with self.copy.hold_sync():
            self.copy.description, self.copy.value = label, code

    def _set_code(self, cell: str) -> None:
        self.show_code(cell, "The cell that made it")

    def _image_tag(self, kept: bool, picture: bool) -> None:
        """Shows the buttons that fit."""
        self.delete.reset()
        set_visible(self.delete.button, kept)
        set_visible(self.reference, picture)
        for widget in (self.edit, self.copy, self.previous, self.next):
            set_visible(widget, True)


def _image(entry: LibraryEntry, data: bytes, n: int) -> str:
    """A picture that keeps its place while a larger one is on the way, and is never upscaled."""
    file = entry.pictures[n] if n < len(entry.pictures) else None
    held = ""
    if file and file.width and file.height:
        held = f' style="aspect-ratio:{file.width}/{file.height};max-width:{file.width}px"'
    alt = escape(entry.record.request.prompt, quote=True)
    return f'<img alt="{alt}" src="{data_uri(data)}"{held}>'
