"""One service, one key, one folder: the one place that joins the parts."""

from __future__ import annotations

from .session import Session

__all__ = ["Session"]
