"""How things stand: what became of all that was asked for, and what this place is like."""

from __future__ import annotations

from .audit import Finding, examine, settle
from .report import checkup

__all__ = ["Finding", "checkup", "examine", "settle"]
