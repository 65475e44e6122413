"""The gallery of a session: a widget, or one picture without a user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from liangxin_nb.core.request import Request
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
from liangxin_nb.session import BaseSession

from ..frontend import frontend, shows_widgets
from ..output import OutputHandle
from .handoff import EditTarget, Handoff, register_target
from .static_fallback import StaticFallback, gallery_bundle, gallery_text

__all__ = ["EditTarget", "register_target", "show"]


def show(
    session: BaseSession,
    *,
    on_edit: Callable[[Request], None] | None = None,
    on_reference: Callable[[Path], None] | None = None,
) -> None:
    """Show all results in the ledger of a session below the running cell.

    Without a user, the first page is shown as one picture.

    Args:
        session: The session.
        on_edit: Takes a request that is sent from the gallery; default: the open composer does.
        on_reference: Takes the path of a picture that is sent as a reference; default: the open
            composer does.
    """
    library = Library(session)
    if shows_widgets():
        _show_live(session, library, Handoff(on_edit, on_reference))
    else:
        first_page = library.page(Query(statuses=("saved",)))
        OutputHandle().show_bundle(gallery_bundle(library, first_page))


def _show_live(session: BaseSession, library: Library, handoff: Handoff) -> None:
    from .gallery import Gallery  # ipywidgets is imported only where it is shown

    output, fallback = OutputHandle(), StaticFallback(library)

    def run_in_background(work: Callable[[], None]) -> None:
        session.loop.submit(asyncio.to_thread(work))

    def close() -> None:
        """Replace the view with a bundle that needs no kernel."""
        output.replace(gallery_bundle(library, gallery.entries))
        fallback.clear()
        gallery.close()

    sandbox = session.settings.profile == "sandbox"
    run_in_background(library.remove_expired)
    gallery = Gallery(library, run_in_background, close, handoff, sandbox=sandbox)
    output.show(gallery_text(library), gallery.box.model_id)
    if frontend() != "voila":  # outputs cannot be replaced there, and are not saved
        fallback.show()
        gallery.on_reload(fallback.draw)
