"""The selected results, on any page, and the actions on them."""

from __future__ import annotations

from liangxin_nb.core.formatting import format_count
from liangxin_nb.library import Library, LibraryEntry, notebook_link

from .comparison import MAX_COMPARED, comparison_table
from .controls import GalleryHost, StatusLine
from .trash_actions import TrashActions

__all__ = ["Selection", "confirm_question"]

#: The size of a selection that can still be checked by eye.
_MAX_SELECTED = 500


class Selection:
    """The selected job records, in the order of selection.

    Attributes:
        ids: Their ids, as the keys of a dictionary.
    """

    ids: dict[str, None]

    def __init__(
        self, library: Library, status_line: StatusLine, host: GalleryHost, trash: TrashActions
    ) -> None:
        self._trash = trash
        self._library, self._status_line, self._host = library, status_line, host
        self.ids = {}

    def pick(self, entry: LibraryEntry, selected: bool) -> None:
        """Add an entry, or remove it."""
        self.ids.pop(entry.id, None)
        if selected and len(self.ids) < _MAX_SELECTED:
            self.ids[entry.id] = None
        elif selected:
            self._status_line.show(f"{_MAX_SELECTED} are selected already; clear some first.")
        self._host.update_selection()

    def clear(self) -> None:
        """Select nothing."""
        self.ids.clear()
        self._status_line.show("")
        self._host.update_selection()

    def remove(self, entry_id: str) -> None:
        """Remove an entry that was deleted."""
        self.ids.pop(entry_id, None)
        self._host.update_selection()

    def compare(self) -> None:
        """Show the first selected entries side by side."""
        entries = self._library.entries([*self.ids][:MAX_COMPARED])
        pictures = [self._library.thumbnail(entry) for entry in entries]
        self._host.show_comparison(comparison_table(entries, pictures))
        is_cut = len(self.ids) > MAX_COMPARED
        self._status_line.show(
            f"The first {MAX_COMPARED} of {len(self.ids)} selected." if is_cut else ""
        )

    def export(self) -> None:
        """Write the selected entries into a zip file, and show a link to it."""
        ids = [*self.ids]
        self._status_line.show(f"Writing {format_count(len(ids), 'result')} into a zip …")

        def write() -> None:
            path, count = self._library.export(ids)
            missing = len(ids) - count
            note = f" {missing} without files are left out." if missing else ""
            self._status_line.show(
                f"Exported {format_count(count, 'result')}.{note}", (path.name, notebook_link(path))
            )

        self._host.run_in_background(write)

    def ask(self) -> str:
        """Return the question before the deletion; empty if nothing can be deleted."""
        count = len(self._saved_ids())
        if not count:
            self._status_line.show("None of these have saved files: there is nothing to delete.")
        return confirm_question(count) if count else ""

    def delete(self) -> None:
        """Move the selected entries to the trash."""
        self._trash.delete(self._saved_ids())

    def _saved_ids(self) -> list[str]:
        entries = self._library.entries([*self.ids])
        return [entry.id for entry in entries if entry.record.status == "saved"]


def confirm_question(count: int) -> str:
    """Return the question before a number of results is deleted."""
    return f"Move {format_count(count, 'result')} to the trash?"
