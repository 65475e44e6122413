"""Everything that was made, in one zip: packed where it was made, taken in at home."""

from __future__ import annotations

from .api import export_archive, import_archive
from .format import ExportReport, ImportReport
from .session_transfer import export_session, import_session

__all__ = [
    "ExportReport",
    "ImportReport",
    "export_archive",
    "export_session",
    "import_archive",
    "import_session",
]
