"""The composer: a form that fits each model, the code that says the same, and a shelf of cards."""

from __future__ import annotations

from .composer import Composer

__all__ = ["Composer"]
