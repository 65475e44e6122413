"""What shows of a gallery without its kernel: a notice, and the page as one picture."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from typing import Any

from liangxin_nb.core.formatting import format_count
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library, LibraryEntry

from ..output import OutputHandle, kernel_notice

__all__ = ["StaticFallback", "gallery_bundle", "gallery_text"]

_EMPTY_BUNDLE = {"text/plain": "", "text/html": ""}


class StaticFallback:
    """Two outputs below the view, for a notebook that is saved while the gallery is open.

    While the view is shown, its style sheet hides the picture, which would show the same again.
    """

    def __init__(self, library: Library) -> None:
        self._library, self._notice, self._page = library, OutputHandle(), OutputHandle()
        self._lock, self._is_cleared = threading.Lock(), False

    def show(self) -> None:
        """Show the notice, and an empty output for the picture."""
        # The style sheet finds the outputs by this class.
        notice = kernel_notice("gallery", "%liangxin gallery", css_class="lx-static")
        self._notice.show_bundle(notice)
        self._page.show_bundle(_EMPTY_BUNDLE)

    def draw(self, entries: Sequence[LibraryEntry]) -> None:
        """Show a page as the picture; slow, can be called from any thread."""
        bundle = gallery_bundle(self._library, entries)
        with self._lock:
            if not self._is_cleared:
                self._page.replace(bundle if "image/jpeg" in bundle else _EMPTY_BUNDLE)

    def clear(self) -> None:
        """Remove both; a page that is still being drawn is not shown any more."""
        with self._lock:
            self._is_cleared = True
            for output in (self._notice, self._page):
                output.replace(_EMPTY_BUNDLE)


def gallery_bundle(library: Library, entries: Sequence[LibraryEntry]) -> dict[str, Any]:
    """Return a page as one small JPEG, if it has pictures, and one line of text."""
    jpeg = library.contact_sheet(entries)
    picture = {"image/jpeg": base64.b64encode(jpeg).decode()} if jpeg else {}
    return {"text/plain": gallery_text(library), **picture}


def gallery_text(library: Library) -> str:
    """Return one line with the number of saved results."""
    count = library.count(Query(statuses=("saved",)))
    return f"<Gallery of {format_count(count, 'result')}>"
