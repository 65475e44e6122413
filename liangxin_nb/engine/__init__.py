"""One job record's way, from the intent to the kept result."""

from __future__ import annotations

from .lifecycle import TaskLifecycle

__all__ = ["TaskLifecycle"]
