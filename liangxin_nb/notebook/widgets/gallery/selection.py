"""What is selected, on whatever page, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from liangxin_nb.library import Library, LibraryEntry, notebook_link

from .comparison import MAX_COMPARED, comparison_table
from .controls import StatusLine
from .style import count_of

__all__ = ["Selection"]

#: A selection that one look can still check.
_FULL = 500


class SelectionHost(Protocol):
    """What the selection needs of the gallery around it."""

    def show_comparison(self, html: str) -> None:
        """Shows the comparison in place of the contact sheet."""

    def reload(self) -> None:
        """Draws the page anew: something was deleted."""

    def update_checkboxes(self) -> None:
        """Ticks the boxes of what is selected."""

    def update_count(self, count: int) -> None:
        """Says how many are selected."""

    def later(self, work: Callable[[], None]) -> None:
        """Does work that takes its time, off the kernel's main thread."""


class Selection:
    """The selected job records, in the order in which they were selected."""

    def __init__(self, library: Library, status_line: StatusLine, host: SelectionHost) -> None:
        self._library, self._status_line, self._host = library, status_line, host
        self.ids: dict[str, None] = {}

    def pick(self, entry: LibraryEntry, chosen: bool) -> None:
        """Takes one in, or out."""
        self.ids.pop(entry.id, None)
        if chosen and len(self.ids) < _FULL:
            self.ids[entry.id] = None
        elif chosen:
            self._status_line.show(f"{_FULL} are selected already; clear some first.")
            self._host.update_checkboxes()
        self._notify()

    def clear(self) -> None:
        """Selects nothing."""
        self.ids.clear()
        self._host.update_checkboxes()
        self._status_line.show("")
        self._notify()

    def compare(self) -> None:
        """Shows the first of them side by side."""
        entries = self._library.entries([*self.ids][:MAX_COMPARED])
        pictures = [self._library.thumbnail(entry) for entry in entries]
        self._host.show_comparison(comparison_table(entries, pictures))
        more = len(self.ids) - MAX_COMPARED
        self._status_line.show(
            f"The first {MAX_COMPARED} of {len(self.ids)} selected." if more > 0 else ""
        )

    def export(self) -> None:
        """Writes them into a zip, and shows a link to it."""
        ids = [*self.ids]
        self._status_line.show(f"Writing {count_of(len(ids))} into a zip …")

        def write() -> None:
            path, count = self._library.export(ids)
            missing = len(ids) - count
            rest = f" {missing} without files are left out." if missing else ""
            self._status_line.show(
                f"Exported {count_of(count)}.{rest}", (path.name, notebook_link(path))
            )

        self._host.later(write)

    def ask(self) -> str:
        """The question before deleting, or an empty text when there is nothing to delete."""
        kept = self._saved_entries()
        if not kept:
            self._status_line.show("Nothing is kept of these: there is nothing to delete.")
        return confirm_question(len(kept)) if kept else ""

    def delete(self) -> None:
        """Deletes what is kept of them."""
        kept = self._saved_entries()
        for entry in kept:
            self._library.delete(entry.id)
            self.ids.pop(entry.id, None)
        self._host.reload()
        self._notify()
        self._status_line.show(
            f"Deleted {count_of(len(kept))}; the ledger keeps the prompts and the fact."
        )

    def drop(self, id: str) -> None:
        """Takes one out that was deleted elsewhere."""
        self.ids.pop(id, None)
        self._notify()

    def _saved_entries(self) -> list[LibraryEntry]:
        return [e for e in self._library.entries([*self.ids]) if e.record.status == "saved"]

    def _notify(self) -> None:
        self._host.update_count(len(self.ids))


def confirm_question(count: int) -> str:
    """What is asked before something is deleted."""
    return (
        f"Delete {count_of(count)}? The files and their thumbnails go; "
        "the ledger keeps the prompts and the fact."
    )
