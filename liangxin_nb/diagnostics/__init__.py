"""Diagnostics: the audit of all jobs, and the report for bug reports."""

from __future__ import annotations

from .audit import AuditRow, audit, mark_interrupted
from .report import report

__all__ = ["AuditRow", "audit", "mark_interrupted", "report"]
