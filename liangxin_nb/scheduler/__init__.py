"""Following tasks to their end: one loop asks for all of them."""

from __future__ import annotations

from ._base import Turns
from .polling import Scheduler

__all__ = ["Scheduler", "Turns"]
