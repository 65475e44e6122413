"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .batches import Bundle
from .pages import File, Row, Wanted
from .tickets import Ledger

__all__ = ["Bundle", "File", "Ledger", "Row", "Wanted"]
