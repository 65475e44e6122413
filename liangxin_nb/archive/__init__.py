"""Export of results, ledger and notebooks into one zip file, and import of such files."""

from __future__ import annotations

from .format import ExportReport, ImportReport
from .session_transfer import export_session, import_session

__all__ = ["ExportReport", "ImportReport", "export_session", "import_session"]
