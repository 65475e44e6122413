"""What was made, as a gallery asks for it: pages, thumbnails, exports, deletions, stories."""

from __future__ import annotations

from ._base import Entry, kind_of
from .reading import Told
from .shelf import Shelf, link

__all__ = ["Entry", "Shelf", "Told", "kind_of", "link"]
