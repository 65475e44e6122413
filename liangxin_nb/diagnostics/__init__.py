"""How things stand: what became of all that was asked for, and what this place is like."""

from __future__ import annotations

from .audit import AuditRow, audit, mark_interrupted
from .report import report

__all__ = ["AuditRow", "audit", "mark_interrupted", "report"]
