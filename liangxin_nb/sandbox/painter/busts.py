"""Heads and shoulders in profile, as groups of outlines in units of their height.

(0, 0) is the middle of the lower edge; up is negative; the face looks to the right.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from liangxin_nb.sandbox.painter._shapes import curve, disc, outline
from liangxin_nb.sandbox.painter.canvas import Point

Outline = list[Point]

FACE = outline(
    """
    0.02,-1 0.125,-0.965 0.178,-0.9 0.196,-0.835 0.2,-0.8 0.196,-0.775 0.212,-0.745
    0.238,-0.705 0.25,-0.683 0.236,-0.668 0.208,-0.662 0.206,-0.65 0.222,-0.634 0.221,-0.624
    0.202,-0.617 0.218,-0.604 0.214,-0.588 0.198,-0.577 0.2,-0.56 0.208,-0.54 0.198,-0.515
    0.168,-0.5 0.12,-0.492 0.085,-0.475 0.07,-0.43 0.068,-0.37 0.085,-0.315 0.15,-0.265
    0.27,-0.215 0.36,-0.15 0.405,-0.06 0.42,0.02
    """
)
NAPE = outline(
    """
    -0.5,0.02 -0.475,-0.09 -0.4,-0.19 -0.27,-0.265 -0.165,-0.325 -0.135,-0.4 -0.142,-0.5
    -0.2,-0.6 -0.245,-0.72 -0.235,-0.85 -0.17,-0.945 -0.08,-0.992
    """
)
LONG_HAIR = outline(
    """
    0.06,-1.015 -0.12,-1.01 -0.25,-0.92 -0.3,-0.75 -0.29,-0.55 -0.33,-0.36 -0.36,-0.2
    -0.22,-0.12 -0.08,-0.2 -0.06,-0.45 0.02,-0.7 0.12,-0.95
    """
)
CROPPED_HAIR = outline(
    """
    0.185,-0.91 0.14,-1 0.02,-1.035 -0.13,-1.015 -0.245,-0.92 -0.275,-0.76 -0.22,-0.62
    -0.08,-0.7 0,-0.82 0.12,-0.9
    """
)
CURLS = (
    (0.12, -0.98, 0.08),
    (0.02, -1.02, 0.1),
    (-0.1, -1.01, 0.11),
    (-0.2, -0.94, 0.11),
    (-0.26, -0.83, 0.11),
    (-0.26, -0.71, 0.1),
    (-0.22, -0.6, 0.09),
    (-0.08, -0.85, 0.16),
)


def bust(rng: random.Random) -> list[Outline]:
    """Return a head and shoulders with one of several hairdos."""
    body = curve([*FACE, *NAPE], 6, closed=True)
    return [body, *rng.choice(HAIR)()]


def _bun() -> list[Outline]:
    return [disc((-0.235, -0.93), 0.105, 0.098), disc((-0.13, -0.88), 0.12)]


def _long() -> list[Outline]:
    return [curve(LONG_HAIR, 8, closed=True)]


def _cropped() -> list[Outline]:
    return [curve(CROPPED_HAIR, 8, closed=True)]


def _curls() -> list[Outline]:
    return [disc((x, y), radius) for x, y, radius in CURLS]


HAIR: tuple[Callable[[], list[Outline]], ...] = (_bun, _long, _cropped, _curls)
