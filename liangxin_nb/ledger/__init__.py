"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .batches import BatchRecord
from .bundled import all_batches, batch_from_json, batch_to_json, import_batches
from .durations import durations
from .ledger import Ledger
from .queries import File, JobWithFiles, Query
from .transfer import TransferRow, export_rows, import_rows

__all__ = [
    "BatchRecord",
    "File",
    "JobWithFiles",
    "Ledger",
    "Query",
    "TransferRow",
    "all_batches",
    "batch_from_json",
    "batch_to_json",
    "durations",
    "export_rows",
    "import_batches",
    "import_rows",
]
