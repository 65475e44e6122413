"""What is opened from the contact sheet, or brought along as a file, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.library import Entry, Shelf

from .controls import Line
from .detail_view import MOST, One
from .handoff import Hands
from .selection import question

__all__ = ["Opened"]

_HANDED = "The composer has it now."
_NOBODY = "No composer is open; the code below does it: copy it into a cell."


class Place(Protocol):
    """What it needs of the gallery around it."""

    def back(self) -> None:
        """Shows the contact sheet again."""

    def beside(self, entry: Entry, step: int) -> None:
        """Opens the entry before or after this one."""

    def deleted(self, id: str) -> None:
        """Draws the page anew without this one."""

    def later(self, work: Callable[[], None]) -> None:
        """Does work that takes its time, off the kernel's main thread."""


class Opened:
    """The one that is open now; `view` shows it."""

    def __init__(self, shelf: Shelf, line: Line, hands: Hands, place: Place) -> None:
        self._shelf, self._line, self._hands, self._place = shelf, line, hands, place
        self.entry: Entry | None = None
        self._request: Request | None = None

    @cached_property
    def view(self) -> One:
        """Its widgets, made when the first one is opened: the contact sheet is there sooner."""
        return One(self._line, self)

    def open(self, entry: Entry) -> None:
        """Shows an entry: at once what is at hand, its large pictures a moment later."""
        self.entry, self._request = entry, entry.ticket.request
        cell = self._shelf.cell(entry.ticket.request, entry.ticket.profile)
        self.view.show(entry, self._shelf.held(entry), cell, self._shelf.words(entry))
        player = ""
        if entry.folder is not None and entry.kind != "image":
            player = self._shelf.result(entry).html()
        self.view.files(self._shelf.links(entry), player)
        if entry.pictures and entry.folder is not None:
            self._place.later(lambda: self._enlarge(entry))

    def read(self, data: bytes) -> bool:
        """Shows what a file tells of itself; False when it is no picture at all."""
        told = self._shelf.read(data)
        self._line.say("" if told.story else told.why)
        if told.story or told.picture:
            self.entry, self._request = None, told.request
            self.view.tell(told, self._shelf.cell(told.request) if told.request else "")
        return bool(told.story or told.picture)

    def back(self) -> None:
        """Shows the contact sheet again."""
        self._line.say("")
        self._place.back()

    def step(self, by: int) -> None:
        """Opens the one before or after it."""
        if self.entry is not None:
            self._line.say("")
            self._place.beside(self.entry, by)

    def edit(self) -> None:
        """Hands the request on to the composer, or says how to do without."""
        if self._request is not None:
            self._line.say(_HANDED if self._hands.edit(self._request) else _NOBODY)

    def reference(self) -> None:
        """Hands the picture on, or puts the cell that uses it into the field to copy from."""
        path, code = self._shelf.reference(self._opened())
        taken = self._hands.reference(path)
        if not taken:
            self.view.offer(code, "A cell that uses it")
        self._line.say(_HANDED if taken else _NOBODY)

    def ask(self) -> str:
        """The question before deleting it."""
        return question(1)

    def delete(self) -> None:
        """Deletes its files and goes back."""
        id = self._opened().id
        self._shelf.delete(id)
        self._place.deleted(id)
        self._line.say("Deleted 1 result; the ledger keeps the prompt and the fact.")

    def _opened(self) -> Entry:
        if self.entry is None:
            raise InvalidRequestError("Nothing of the ledger is open.")
        return self.entry

    def _enlarge(self, entry: Entry) -> None:
        pictures = [self._shelf.large(entry, n) for n in range(1, 1 + len(entry.pictures[:MOST]))]
        with self._line.lock:
            if self.entry is entry:
                self.view.enlarge(entry, pictures)
