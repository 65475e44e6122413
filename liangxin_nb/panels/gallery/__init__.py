"""The gallery below a cell: live where somebody looks, one picture of it where nobody does."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from pathlib import Path

from ...ledger import Wanted
from ...request import Request
from ...session import Session
from ...shelf import Entry, Shelf
from ..slot import Slot, shows_widgets
from .desk import Desk, Hands, listen

__all__ = ["Desk", "listen", "show"]


def show(
    session: Session,
    *,
    on_edit: Callable[[Request], None] | None = None,
    on_reference: Callable[[Path], None] | None = None,
) -> None:
    """Shows everything in the session's ledger below the running cell.

    `on_edit`, `on_reference`: take a request, or a picture's path, from its buttons; default the
    desk that listens. Where nobody looks, the first page is shown as one picture.
    """
    shelf = Shelf(session)
    slot = Slot()
    if not shows_widgets():
        slot.show(_line(shelf), picture=_picture(shelf, shelf.page(Wanted(fates=("kept",)))))
        return
    _show_live(session, shelf, slot, Hands(on_edit, on_reference))


def _show_live(session: Session, shelf: Shelf, slot: Slot, hands: Hands) -> None:
    from .gallery import Gallery  # ipywidgets is loaded only where it is shown

    def later(work: Callable[[], None]) -> None:
        session.loop.submit(asyncio.to_thread(work))

    def closed() -> None:
        """Leaves in the saved notebook what needs no kernel: one line, the page as one picture."""
        picture = _picture(shelf, made.entries)
        more = {} if picture is None else {"image/jpeg": picture}
        slot.replace({"text/plain": _line(shelf), **more})
        made.close()

    drawn = session.settings.profile == "sandbox"
    made = Gallery(shelf, later, closed, hands, sandbox=drawn)
    slot.show(_line(shelf), made.box.model_id)


def _picture(shelf: Shelf, entries: Sequence[Entry]) -> str | None:
    """A page as one small JPEG in base64, or None where there is no picture in it."""
    data = shelf.sheet(entries)
    return base64.b64encode(data).decode() if data else None


def _line(shelf: Shelf) -> str:
    kept = shelf.count(Wanted(fates=("kept",)))
    return f"<Gallery of {kept:,} {'result' if kept == 1 else 'results'}>"
