"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .batches import Bundle
from .bundled import bundle_of, bundles, line_of, take_in_bundles
from .durations import durations
from .ledger import Ledger
from .queries import File, Row, Wanted
from .transfer import Carried, rows, take_in

__all__ = [
    "Bundle",
    "Carried",
    "File",
    "Ledger",
    "Row",
    "Wanted",
    "bundle_of",
    "bundles",
    "durations",
    "line_of",
    "rows",
    "take_in",
    "take_in_bundles",
]
