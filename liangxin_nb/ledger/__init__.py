"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .batches import Bundle
from .carried import Carried, rows, take_in
from .pages import File, Row, Wanted
from .tickets import Ledger

__all__ = ["Bundle", "Carried", "File", "Ledger", "Row", "Wanted", "rows", "take_in"]
