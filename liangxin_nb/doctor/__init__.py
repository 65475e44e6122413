"""How things stand: what became of all that was asked for, and what this place is like."""

from __future__ import annotations

from .checkup import checkup
from .reckoning import Finding, examine, settle

__all__ = ["Finding", "checkup", "examine", "settle"]
