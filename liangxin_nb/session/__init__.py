"""Sessions and jobs: one service, key, ledger and results folder joined."""

from __future__ import annotations

from .job import Job
from .session import BaseSession

__all__ = ["BaseSession", "Job"]
