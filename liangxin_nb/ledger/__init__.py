"""The ledger of all jobs, on SQLite or PostgreSQL."""

from __future__ import annotations

from .batches import BatchRecord
from .ledger import Ledger
from .queries import File, JobWithFiles, Query
from .rows import FileRow, TransferRow, batch_to_json, parse_line
from .salvage import is_healthy, salvage
from .submissions import find_running, mark_submitting, record_submitted
from .transfer import export_rows, import_batches, import_rows

__all__ = [
    "BatchRecord",
    "File",
    "FileRow",
    "JobWithFiles",
    "Ledger",
    "Query",
    "TransferRow",
    "batch_to_json",
    "export_rows",
    "find_running",
    "import_batches",
    "import_rows",
    "is_healthy",
    "mark_submitting",
    "parse_line",
    "record_submitted",
    "salvage",
]
