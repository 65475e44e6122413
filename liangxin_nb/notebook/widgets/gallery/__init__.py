"""The gallery below a cell: live where someone looks, one picture of it where no one does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from liangxin_nb.core.request import Request
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
from liangxin_nb.session import Session

from ..output import OutputHandle, frontend, shows_widgets
from .handoff import EditTarget, Handoff, register_target
from .static_fallback import StaticFallback, gallery_bundle, gallery_line

__all__ = ["EditTarget", "register_target", "show"]


def show(
    session: Session,
    *,
    on_edit: Callable[[Request], None] | None = None,
    on_reference: Callable[[Path], None] | None = None,
) -> None:
    """Shows everything in the session's ledger below the running cell.

    `on_edit`, `on_reference`: take a request, or a picture's path, from its buttons; default the
    desk that listens. Where no one looks, the first page is shown as one picture.
    """
    library = Library(session)
    if not shows_widgets():
        OutputHandle().show_bundle(
            gallery_bundle(library, library.page(Query(statuses=("saved",))))
        )
        return
    _show_live(session, library, Handoff(on_edit, on_reference))


def _show_live(session: Session, library: Library, handoff: Handoff) -> None:
    from .gallery import Gallery  # ipywidgets is loaded only where it is shown

    output, behind = OutputHandle(), StaticFallback(library)

    def later(work: Callable[[], None]) -> None:
        session.loop.submit(asyncio.to_thread(work))

    def closed() -> None:
        """Leaves one bundle that needs no kernel."""
        output.replace(gallery_bundle(library, made.entries))
        behind.clear()
        made.close()

    drawn = session.settings.profile == "sandbox"
    made = Gallery(library, later, closed, handoff, sandbox=drawn)
    output.show(gallery_line(library), made.box.model_id)
    if frontend() != "voila":  # no output can be replaced there, and no one saves it
        behind.show()
        made.on_leave(behind.draw)
