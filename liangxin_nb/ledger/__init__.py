"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .pages import File, Row, Wanted
from .tickets import Ledger

__all__ = ["File", "Ledger", "Row", "Wanted"]
