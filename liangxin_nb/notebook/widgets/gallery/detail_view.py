"""One result, large: its picture, its facts, its files, the cell that made it, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets

from liangxin_nb.library import Entry, Told

from .controls import Line, TwoSteps, linked, shown
from .details import of_entry, of_story
from .style import many
from .tile import frame, source

__all__ = ["MOST", "One"]

#: Pictures of one result that are shown large; the rest is in its folder.
MOST = 8


class Ways(Protocol):
    """What the buttons do."""

    def back(self) -> None: ...
    def step(self, by: int) -> None: ...
    def edit(self) -> None: ...
    def reference(self) -> None: ...
    def ask(self) -> str: ...
    def delete(self) -> None: ...


class One:
    """The view of one entry, or of the story of a file that was brought along."""

    def __init__(self, line: Line, ways: Ways) -> None:
        button = line.button
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
        self.delete = TwoSteps(line, "Deletes its files; asks first", ways.ask, ways.delete)
        self.copy = widgets.Textarea(description="The cell that made it")
        self.copy.add_class("lx-copy")
        self._picture, self._facts = widgets.HTML(), widgets.HTML()
        self._files, self._player = widgets.Output(), widgets.Output()
        for output in (self._files, self._player):
            output.add_class("lx-links")
        self.box = self._laid_out()

    def _laid_out(self) -> Any:
        head = widgets.HBox([self.back, self.previous, self.next])
        deeds = widgets.HBox([self.edit, self.reference, self.delete.button, self.delete.keep])
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
            self.delete.keep, self.copy,
        ]  # fmt: skip

    def show(self, entry: Entry, small: bytes, cell: str, words: str) -> None:
        """Shows an entry, at first with its thumbnail in the large picture's place."""
        self._whole(entry.ticket.fate == "kept", bool(entry.pictures and entry.folder))
        if small:
            self._picture.value = _image(entry, small, 0)
        else:
            self._picture.value = frame(entry, b"", words, made=True)
        self._facts.value = of_entry(entry)
        self._offer(cell)

    def enlarge(self, entry: Entry, pictures: Sequence[bytes]) -> None:
        """Puts the large pictures in the place of the thumbnail."""
        images = [_image(entry, data, n) for n, data in enumerate(pictures) if data]
        if len(images) == 1:
            self._picture.value = images[0]
        elif images:
            more = len(entry.pictures) - len(images)
            rest = f'<div class="lx-small">{more} more in the folder</div>' if more > 0 else ""
            self._picture.value = f'<div class="lx-several">{"".join(images)}</div>{rest}'

    def files(self, links: Sequence[tuple[str, str]], player: str) -> None:
        """Shows links to the originals, or what is no picture as it is played or read."""
        word = f"{many(len(links), 'file', 'files')}: " if len(links) > 1 else ""
        anchors = [
            f'<a href="{escape(address, quote=True)}" target="_blank" rel="noopener">'
            f"Open the original {escape(name)}</a>"
            for name, address in links
        ]
        html = word + " ".join(anchors) if anchors and not player else ""
        self._files.outputs = (linked(html),) if html else ()
        # What plays, or can be read, stands in the picture's place.
        self._player.outputs = (linked(player),) if player else ()
        shown(self._player, bool(player))
        shown(self._picture, not player)

    def tell(self, told: Told, cell: str) -> None:
        """Shows the story of a file that was brought along, or why there is none."""
        self._whole(False, False)
        self._picture.value = f'<img alt="" src="{source(told.picture)}">' if told.picture else ""
        story = told.story
        self._facts.value = of_story(story) if story else f"<div>{escape(told.why)}</div>"
        self.files((), "")
        shown(self.edit, story is not None)
        shown(self.copy, story is not None)
        for widget in (self.previous, self.next):
            shown(widget, False)
        self._offer(cell)

    def offer(self, code: str, label: str) -> None:
        """Puts another code into the field to copy from."""
        with self.copy.hold_sync():
            self.copy.description, self.copy.value = label, code

    def _offer(self, cell: str) -> None:
        self.offer(cell, "The cell that made it")

    def _whole(self, kept: bool, picture: bool) -> None:
        """Shows the buttons that fit."""
        self.delete.reset()
        shown(self.delete.button, kept)
        shown(self.reference, picture)
        for widget in (self.edit, self.copy, self.previous, self.next):
            shown(widget, True)


def _image(entry: Entry, data: bytes, n: int) -> str:
    """A picture that keeps its place while a larger one is on the way, and is never upscaled."""
    file = entry.pictures[n] if n < len(entry.pictures) else None
    held = ""
    if file and file.width and file.height:
        held = f' style="aspect-ratio:{file.width}/{file.height};max-width:{file.width}px"'
    alt = escape(entry.ticket.request.prompt, quote=True)
    return f'<img alt="{alt}" src="{source(data)}"{held}>'
