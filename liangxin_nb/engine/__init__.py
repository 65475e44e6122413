"""Submit jobs, follow their tasks and save their results, on one background loop."""

from __future__ import annotations

from .lifecycle import TaskLifecycle

__all__ = ["TaskLifecycle"]
