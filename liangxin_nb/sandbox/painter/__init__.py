"""Draw pictures for prompts from shapes and random numbers, without a model."""

from __future__ import annotations

from liangxin_nb.sandbox.painter.finish import add_caption
from liangxin_nb.sandbox.painter.picture import paint

__all__ = ["add_caption", "paint"]
