"""Draws a picture for a prompt, on this machine, with nothing but shapes and chance."""

from __future__ import annotations

from liangxin_nb.sandbox.painter.finish import captioned
from liangxin_nb.sandbox.painter.picture import paint

__all__ = ["captioned", "paint"]
