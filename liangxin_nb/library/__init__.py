"""The library: saved results as a collection, for the gallery."""

from __future__ import annotations

from .embedded import EmbeddedMetadata
from .entry import LibraryEntry
from .library import Library, notebook_link

__all__ = ["EmbeddedMetadata", "Library", "LibraryEntry", "notebook_link"]
