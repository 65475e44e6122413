"""The ledger of money and work, on SQLite or PostgreSQL; the door to SQLAlchemy."""

from __future__ import annotations

from .durations import durations
from .tickets import Ledger

__all__ = ["Ledger", "durations"]
