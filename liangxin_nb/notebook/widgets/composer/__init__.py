"""The panel: a form for each model, the code that does the same, and cards of submitted jobs."""

from __future__ import annotations

from .composer import Composer

__all__ = ["Composer"]
