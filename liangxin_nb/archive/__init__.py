"""Everything that was made, in one zip: packed where it was made, taken in at home."""

from __future__ import annotations

from ._base import Imported, Packed
from .taking import export, import_

__all__ = ["Imported", "Packed", "export", "import_"]
