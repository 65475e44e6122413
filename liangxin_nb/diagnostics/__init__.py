"""Diagnostics: the audit of all jobs, the report for bug reports, and a ledger rebuilt."""

from __future__ import annotations

from .audit import AuditRow, audit, mark_interrupted
from .rebuild import RebuildReport, rebuild
from .report import report

__all__ = [
    "AuditRow",
    "RebuildReport",
    "audit",
    "mark_interrupted",
    "rebuild",
    "report",
]
