"""Everything that was made, in one zip: packed where it was made, taken in at home."""

from __future__ import annotations

from .api import export, import_
from .format import Imported, Packed
from .session_transfer import pack_all, take_all

__all__ = ["Imported", "Packed", "export", "import_", "pack_all", "take_all"]
