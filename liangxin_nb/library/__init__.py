"""What was made, as a gallery asks for it: pages, thumbnails, exports, deletions, stories."""

from __future__ import annotations

from .embedded import EmbeddedMetadata
from .entry import LibraryEntry, kind_of
from .library import Library, notebook_link

__all__ = ["EmbeddedMetadata", "Library", "LibraryEntry", "kind_of", "notebook_link"]
