"""What an open gallery leaves behind in the notebook: a line, and its page as one picture."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from typing import Any

from liangxin_nb.ledger import Query
from liangxin_nb.library import Library, LibraryEntry

from ..output import OutputHandle, kernel_notice

__all__ = ["StaticFallback", "gallery_bundle", "gallery_line"]

_EMPTY = {"text/plain": "", "text/html": ""}


class StaticFallback:
    """Two outputs below the view, for a notebook that is saved while the gallery is open.

    The view cannot be drawn without its kernel; these can. As long as the view is there its style
    sheet hides the picture, which shows the same once more.
    """

    def __init__(self, library: Library) -> None:
        self._library, self._line, self._page = library, OutputHandle(), OutputHandle()
        self._lock, self._over = threading.Lock(), False

    def show(self) -> None:
        """Shows the line, and holds the picture's place."""
        said = kernel_notice("gallery", "%liangxin gallery")
        # The style sheet knows the place by this.
        said["text/html"] = f'<div class="lx-behind">{said["text/html"]}</div>'
        self._line.show_bundle(said)
        self._page.show_bundle(_EMPTY)

    def draw(self, entries: Sequence[LibraryEntry]) -> None:
        """Puts a page into the picture's place; takes its time, from any thread."""
        drawn = gallery_bundle(self._library, entries)
        with self._lock:
            if not self._over:
                self._page.replace(drawn if "image/jpeg" in drawn else _EMPTY)

    def clear(self) -> None:
        """Takes both away; a page that is still being made comes too late."""
        with self._lock:
            self._over = True
            for output in (self._line, self._page):
                output.replace(_EMPTY)


def gallery_bundle(library: Library, entries: Sequence[LibraryEntry]) -> dict[str, Any]:
    """A page as one small JPEG, where there is a picture in it, and one line of text."""
    data = library.contact_sheet(entries)
    picture = {"image/jpeg": base64.b64encode(data).decode()} if data else {}
    return {"text/plain": gallery_line(library), **picture}


def gallery_line(library: Library) -> str:
    """How much is kept in all."""
    kept = library.count(Query(statuses=("saved",)))
    return f"<Gallery of {kept:,} {'result' if kept == 1 else 'results'}>"
