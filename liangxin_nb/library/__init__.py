"""What was made, as a gallery asks for it: pages, thumbnails, exports, deletions, stories."""

from __future__ import annotations

from .embedded import Told
from .entry import Entry, kind_of
from .library import Shelf, link

__all__ = ["Entry", "Shelf", "Told", "kind_of", "link"]
