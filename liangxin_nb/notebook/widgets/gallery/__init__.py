"""The gallery below a cell: live where somebody looks, one picture of it where nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from liangxin_nb.core.request import Request
from liangxin_nb.ledger import Query
from liangxin_nb.library import Shelf
from liangxin_nb.session import Session

from ..output import Slot, frontend, shows_widgets
from .handoff import Desk, Hands, listen
from .static_fallback import Behind, bundle, line

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
    if not shows_widgets():
        Slot().begin(bundle(shelf, shelf.page(Query(statuses=("kept",)))))
        return
    _show_live(session, shelf, Hands(on_edit, on_reference))


def _show_live(session: Session, shelf: Shelf, hands: Hands) -> None:
    from .gallery import Gallery  # ipywidgets is loaded only where it is shown

    slot, behind = Slot(), Behind(shelf)

    def later(work: Callable[[], None]) -> None:
        session.loop.submit(asyncio.to_thread(work))

    def closed() -> None:
        """Leaves one bundle that needs no kernel."""
        slot.replace(bundle(shelf, made.entries))
        behind.clear()
        made.close()

    drawn = session.settings.profile == "sandbox"
    made = Gallery(shelf, later, closed, hands, sandbox=drawn)
    slot.show(line(shelf), made.box.model_id)
    if frontend() != "voila":  # no output can be replaced there, and nobody saves it
        behind.show()
        made.leave(behind.draw)
