"""What is opened from the contact sheet, or brought along as a file, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.library import Library, LibraryEntry

from .controls import StatusLine
from .detail_view import MAX_PICTURES, DetailView
from .handoff import Handoff
from .selection import confirm_question

__all__ = ["DetailController"]

_HANDED_OVER = "The composer has it now."
_NO_TARGET = "No composer is open; the code below does it: copy it into a cell."


class DetailHost(Protocol):
    """What it needs of the gallery around it."""

    def back(self) -> None:
        """Shows the contact sheet again."""

    def open_neighbour(self, entry: LibraryEntry, step: int) -> None:
        """Opens the entry before or after this one."""

    def deleted(self, id: str) -> None:
        """Draws the page anew without this one."""

    def later(self, work: Callable[[], None]) -> None:
        """Does work that takes its time, off the kernel's main thread."""


class DetailController:
    """The one that is open now; `view` shows it."""

    def __init__(
        self, library: Library, status_line: StatusLine, handoff: Handoff, host: DetailHost
    ) -> None:
        self._library, self._status_line, self._handoff, self._host = (
            library,
            status_line,
            handoff,
            host,
        )
        self.entry: LibraryEntry | None = None
        self._request: Request | None = None

    @cached_property
    def view(self) -> DetailView:
        """Its widgets, made when the first one is opened: the contact sheet is there sooner."""
        return DetailView(self._status_line, self)

    def open(self, entry: LibraryEntry) -> None:
        """Shows an entry: at once what is at hand, its large pictures a moment later."""
        self.entry, self._request = entry, entry.record.request
        cell = self._library.to_source(entry.record.request, entry.record.profile)
        self.view.show(
            entry, self._library.cached_thumbnail(entry), cell, self._library.text_excerpt(entry)
        )
        player = ""
        if entry.folder is not None and entry.kind != "image":
            player = self._library.result(entry).html()
        self.view.show_files(self._library.links(entry), player)
        if entry.pictures and entry.folder is not None:
            self._host.later(lambda: self._enlarge(entry))

    def open_file(self, data: bytes) -> bool:
        """Shows what a file tells of itself; False when it is no picture at all."""
        embedded = self._library.read_metadata(data)
        self._status_line.show("" if embedded.metadata else embedded.reason)
        if embedded.metadata or embedded.picture:
            self.entry, self._request = None, embedded.request
            self.view.show_metadata(
                embedded, self._library.to_source(embedded.request) if embedded.request else ""
            )
        return bool(embedded.metadata or embedded.picture)

    def back(self) -> None:
        """Shows the contact sheet again."""
        self._status_line.show("")
        self._host.back()

    def step(self, by: int) -> None:
        """Opens the one before or after it."""
        if self.entry is not None:
            self._status_line.show("")
            self._host.open_neighbour(self.entry, by)

    def edit(self) -> None:
        """Hands the request on to the composer, or says how to do without."""
        if self._request is not None:
            self._status_line.show(
                _HANDED_OVER if self._handoff.edit(self._request) else _NO_TARGET
            )

    def reference(self) -> None:
        """Hands the picture on, or puts the cell that uses it into the field to copy from."""
        path, code = self._library.reference(self._on_opened())
        taken = self._handoff.reference(path)
        if not taken:
            self.view.show_code(code, "A cell that uses it")
        self._status_line.show(_HANDED_OVER if taken else _NO_TARGET)

    def ask(self) -> str:
        """The question before deleting it."""
        return confirm_question(1)

    def delete(self) -> None:
        """Deletes its files and goes back."""
        id = self._on_opened().id
        self._library.delete(id)
        self._host.deleted(id)
        self._status_line.show("Deleted 1 result; the ledger keeps the prompt and the fact.")

    def _on_opened(self) -> LibraryEntry:
        if self.entry is None:
            raise InvalidRequestError("Nothing of the ledger is open.")
        return self.entry

    def _enlarge(self, entry: LibraryEntry) -> None:
        pictures = [
            self._library.preview(entry, n)
            for n in range(1, 1 + len(entry.pictures[:MAX_PICTURES]))
        ]
        with self._status_line.lock:
            if self.entry is entry:
                self.view.enlarge(entry, pictures)
