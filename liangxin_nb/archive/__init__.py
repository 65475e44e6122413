"""Everything that was made, in one zip: packed where it was made, taken in at home."""

from __future__ import annotations

from ._base import Imported, Packed
from .doors import export, import_
from .taking import pack_all, take_all

__all__ = ["Imported", "Packed", "export", "import_", "pack_all", "take_all"]
