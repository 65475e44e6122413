"""The entry or the uploaded file that is open in the gallery, and the actions on it."""

from __future__ import annotations

from functools import cached_property

from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.library import Library, LibraryEntry

from .controls import GalleryHost, StatusLine, focus, set_visible
from .detail_view import MAX_PICTURES, DetailView
from .handoff import Handoff
from .relatives import MAX_LINKS
from .selection import confirm_question
from .trash_actions import TrashActions

__all__ = ["DetailController"]

_HANDED_OVER = "Loaded into the composer."
_NO_TARGET = "No composer is open; copy the code below into a cell instead."


class DetailController:
    """Opens entries and files in the detail view.

    Attributes:
        entry: The open entry, or None.
    """

    entry: LibraryEntry | None

    def __init__(
        self, library: Library, status_line: StatusLine, handoff: Handoff, host: GalleryHost,
        trash: TrashActions,
    ) -> None:  # fmt: skip
        self._trash = trash
        self._library, self._status_line = library, status_line
        self._handoff, self._host = handoff, host
        self.entry = None
        self._request: Request | None = None
        self._job_id = ""

    @cached_property
    def view(self) -> DetailView:
        """The view; created when it is first needed, so that the grid appears sooner."""
        return DetailView(self._status_line, self)

    def open(self, entry: LibraryEntry) -> None:
        """Show an entry with its thumbnail, and load the large pictures in the background."""
        library, view = self._library, self.view
        self.entry, self._request, self._job_id = entry, entry.record.request, entry.id
        cell = library.to_cell(entry.record)
        view.show(entry, library.cached_thumbnail(entry), cell, library.text_excerpt(entry))
        set_visible(view.restore, library.can_restore(entry))
        player = ""
        if entry.folder is not None and entry.kind != "image":
            player = library.result(entry).html()
        view.show_files(library.links(entry), player)
        view.relatives.show(*library.relatives(entry.record, MAX_LINKS + 1))
        if entry.pictures and entry.folder is not None:
            self._host.run_in_background(lambda: self._load_pictures(entry))

    def open_file(self, data: bytes) -> bool:
        """Show the metadata of a picture file; returns False if it is not a picture."""
        library, embedded = self._library, self._library.read_metadata(data)
        self._status_line.show("" if embedded.metadata else embedded.reason)
        if embedded.metadata or embedded.picture:
            self.entry, self._request = None, embedded.request
            self._job_id = library.find_job_id(embedded.metadata) if embedded.metadata else ""
            cell = library.to_source(embedded.request) if embedded.request else ""
            self.view.show_metadata(embedded, cell)
        return bool(embedded.metadata or embedded.picture)

    def back(self) -> None:
        """Show the grid again."""
        self._status_line.show("")
        self._host.back()

    def step(self, by: int) -> None:
        """Open the entry before or after this one."""
        if self.entry is not None:
            self._status_line.show("")
            self._host.open_neighbour(self.entry, by)

    def open_job(self, job_id: str) -> None:
        """Open the entry of a job."""
        self._status_line.show("")
        for entry in self._library.entries([job_id]):
            self.open(entry)
        focus(self.view.back)  # the link may be hidden now

    def edit(self) -> None:
        """Load the request into the composer, or say that none is open."""
        if self._request is not None:
            is_loaded = self._handoff.edit(self._request, self._job_id)
            self._status_line.show(_HANDED_OVER if is_loaded else _NO_TARGET)

    def reference(self) -> None:
        """Add the picture to the composer, or show the cell that uses it."""
        path, code = self._library.reference(self._open_entry())
        is_loaded = self._handoff.reference(path)
        if not is_loaded:
            self.view.show_code(code, "A cell that uses it")
        self._status_line.show(_HANDED_OVER if is_loaded else _NO_TARGET)

    def ask(self) -> str:
        """Return the question before the deletion."""
        return confirm_question(1)

    def delete(self) -> None:
        """Move the open entry to the trash, and show the grid."""
        self._trash.delete([self._open_entry().id])

    def restore(self) -> None:
        """Bring the open entry back from the trash."""
        self._trash.restore([self._open_entry().id])

    def _open_entry(self) -> LibraryEntry:
        if self.entry is None:
            raise InvalidRequestError("No result of the ledger is open.")
        return self.entry

    def _load_pictures(self, entry: LibraryEntry) -> None:
        count = len(entry.pictures[:MAX_PICTURES])
        pictures = [self._library.preview(entry, number) for number in range(1, 1 + count)]
        with self._status_line.lock:
            if self.entry is entry:
                self.view.show_pictures(entry, pictures)
