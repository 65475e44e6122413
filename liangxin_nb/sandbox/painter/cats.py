"""Silhouettes of cats, as groups of outlines in units of the cat's height.

(0, 0) is the middle of the foot; up is negative.
"""

from __future__ import annotations

from collections.abc import Callable

from liangxin_nb.sandbox.painter._shapes import curve, disc, outline, stroke
from liangxin_nb.sandbox.painter.canvas import Point

Outline = list[Point]

BACK_HALF = outline(
    """
    0,0 0.2,0.005 0.285,-0.05 0.29,-0.17 0.24,-0.33 0.165,-0.47 0.125,-0.6
    """
)
BACK_TAIL = outline(
    """
    0.2,-0.05 0.36,-0.015 0.5,-0.05 0.57,-0.16 0.53,-0.27 0.47,-0.28
    """
)
SIDE_BODY = outline(
    """
    -0.3,0 -0.375,-0.1 -0.36,-0.25 -0.25,-0.42 -0.1,-0.56 -0.03,-0.68 0.17,-0.66 0.2,-0.5
    0.175,-0.34 0.17,-0.16 0.185,-0.05 0.27,-0.02 0.27,0.003
    """
)
SIDE_HEAD = outline(
    """
    -0.03,-0.72 -0.02,-0.83 0.07,-0.875 0.17,-0.855 0.225,-0.785 0.285,-0.735 0.28,-0.69
    0.21,-0.655 0.1,-0.625 0.01,-0.65
    """
)
SIDE_TAIL = outline(
    """
    -0.3,-0.04 -0.46,-0.02 -0.6,-0.07 -0.66,-0.19 -0.6,-0.3 -0.54,-0.29
    """
)
TAIL_WIDTHS = (0.1, 0.085, 0.08, 0.075, 0.06, 0.03)


def cat_behind() -> list[Outline]:
    """Return a cat that sits with its back to us, tail to one side."""
    mirrored = [(-x, y) for x, y in BACK_HALF[:0:-1]]
    body = curve([*BACK_HALF, *mirrored], 8, closed=True)
    ear = outline("0.015,-0.8 0.075,-0.845 0.155,-0.985 0.183,-0.72")
    ears = [ear, [(-x, y) for x, y in ear]]
    return [body, disc((0, -0.72), 0.19, 0.148), *ears, stroke(curve(BACK_TAIL), TAIL_WIDTHS)]


def cat_beside() -> list[Outline]:
    """Return a cat that sits in profile, looking to the right."""
    body, head = curve(SIDE_BODY, 8, closed=True), curve(SIDE_HEAD, 6, closed=True)
    ears = (
        outline("-0.025,-0.79 0.005,-0.985 0.1,-0.86"),
        outline("0.07,-0.86 0.125,-0.985 0.18,-0.835"),
    )
    return [body, head, *ears, stroke(curve(SIDE_TAIL), TAIL_WIDTHS)]


# The cat seen from the back is twice as likely.
CATS: tuple[Callable[[], list[Outline]], ...] = (cat_behind, cat_beside, cat_behind)
