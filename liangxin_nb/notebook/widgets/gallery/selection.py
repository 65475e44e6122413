"""What is selected, on whatever page, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from liangxin_nb.library import Entry, Shelf, link

from .comparison import MOST, beside
from .controls import Line
from .style import many

__all__ = ["Selection"]

#: A selection that one look can still check.
_FULL = 500


class Place(Protocol):
    """What the selection needs of the gallery around it."""

    def compared(self, html: str) -> None:
        """Shows the comparison in place of the contact sheet."""

    def changed(self) -> None:
        """Draws the page anew: something was deleted."""

    def ticked(self) -> None:
        """Ticks the boxes of what is selected."""

    def counted(self, count: int) -> None:
        """Says how many are selected."""

    def later(self, work: Callable[[], None]) -> None:
        """Does work that takes its time, off the kernel's main thread."""


class Selection:
    """The selected tickets, in the order in which they were selected."""

    def __init__(self, shelf: Shelf, line: Line, place: Place) -> None:
        self._shelf, self._line, self._place = shelf, line, place
        self.ids: dict[str, None] = {}

    def pick(self, entry: Entry, chosen: bool) -> None:
        """Takes one in, or out."""
        self.ids.pop(entry.id, None)
        if chosen and len(self.ids) < _FULL:
            self.ids[entry.id] = None
        elif chosen:
            self._line.say(f"{_FULL} are selected already; clear some first.")
            self._place.ticked()
        self._told()

    def clear(self) -> None:
        """Selects nothing."""
        self.ids.clear()
        self._place.ticked()
        self._line.say("")
        self._told()

    def compare(self) -> None:
        """Shows the first of them side by side."""
        entries = self._shelf.entries([*self.ids][:MOST])
        pictures = [self._shelf.thumbnail(entry) for entry in entries]
        self._place.compared(beside(entries, pictures))
        more = len(self.ids) - MOST
        self._line.say(f"The first {MOST} of {len(self.ids)} selected." if more > 0 else "")

    def export(self) -> None:
        """Writes them into a zip, and shows a link to it."""
        ids = [*self.ids]
        self._line.say(f"Writing {many(len(ids))} into a zip …")

        def write() -> None:
            path, count = self._shelf.export(ids)
            missing = len(ids) - count
            rest = f" {missing} without files are left out." if missing else ""
            self._line.say(f"Exported {many(count)}.{rest}", (path.name, link(path)))

        self._place.later(write)

    def ask(self) -> str:
        """The question before deleting, or an empty text when there is nothing to delete."""
        kept = self._kept()
        if not kept:
            self._line.say("Nothing is kept of these: there is nothing to delete.")
        return question(len(kept)) if kept else ""

    def delete(self) -> None:
        """Deletes what is kept of them."""
        kept = self._kept()
        for entry in kept:
            self._shelf.delete(entry.id)
            self.ids.pop(entry.id, None)
        self._place.changed()
        self._told()
        self._line.say(f"Deleted {many(len(kept))}; the ledger keeps the prompts and the fact.")

    def drop(self, id: str) -> None:
        """Takes one out that was deleted elsewhere."""
        self.ids.pop(id, None)
        self._told()

    def _kept(self) -> list[Entry]:
        return [e for e in self._shelf.entries([*self.ids]) if e.ticket.fate == "kept"]

    def _told(self) -> None:
        self._place.counted(len(self.ids))


def question(count: int) -> str:
    """What is asked before something is deleted."""
    return (
        f"Delete {many(count)}? The files and their thumbnails go; "
        "the ledger keeps the prompts and the fact."
    )
