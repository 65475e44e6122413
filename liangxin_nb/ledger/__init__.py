"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .carried import Row, rows, take_in
from .tickets import Ledger

__all__ = ["Ledger", "Row", "rows", "take_in"]
