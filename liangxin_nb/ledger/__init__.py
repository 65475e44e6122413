"""The ledger of all jobs, on SQLite or PostgreSQL."""

from __future__ import annotations

from .batches import BatchRecord
from .ledger import Ledger
from .queries import File, JobWithFiles, Query
from .rows import FileRow, TransferRow, batch_to_json, parse_line
from .salvage import is_healthy, salvage
from .submissions import (
    find_work,
    has_seed,
    mark_submitting,
    possible_seeds,
    record_submitted,
)
from .transfer import can_finish, export_rows, foreign_batches, import_batches, import_rows

__all__ = [
    "BatchRecord",
    "File",
    "FileRow",
    "JobWithFiles",
    "Ledger",
    "Query",
    "TransferRow",
    "batch_to_json",
    "can_finish",
    "export_rows",
    "find_work",
    "foreign_batches",
    "has_seed",
    "import_batches",
    "import_rows",
    "is_healthy",
    "mark_submitting",
    "parse_line",
    "possible_seeds",
    "record_submitted",
    "salvage",
]
