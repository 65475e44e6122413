"""Outlines shared by the scenes, as lists of points in pixels."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from liangxin_nb.sandbox.painter.canvas import Point


def outline(text: str) -> list[Point]:
    """Parse points written as ``x,y x,y``."""
    pairs = (pair.split(",") for pair in text.split())
    return [(float(x), float(y)) for x, y in pairs]


def disc(at: Point, rx: float, ry: float | None = None, sides: int = 72) -> list[Point]:
    """Return an ellipse (a circle when only one radius is given)."""
    ry = rx if ry is None else ry
    turns = (2 * math.pi * i / sides for i in range(sides))
    return [(at[0] + rx * math.cos(a), at[1] + ry * math.sin(a)) for a in turns]


def rect(x0: float, y0: float, x1: float, y1: float) -> list[Point]:
    """Return an upright rectangle."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def blob(rng: random.Random, at: Point, radius: float, rough: float = 0.25) -> list[Point]:
    """Return an uneven roundish patch, such as a tuft of leaves or a stone."""
    phases = [(rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1)) for _ in range(4)]
    out = []
    for i in range(28):
        a = 2 * math.pi * i / 28
        wave = sum(w * math.sin((n + 2) * a + p) for n, (p, w) in enumerate(phases)) / 3
        r = radius * (1 + rough * wave)
        out.append((at[0] + r * math.cos(a), at[1] + r * math.sin(a)))
    return out


def stroke(path: Sequence[Point], widths: Sequence[float]) -> list[Point]:
    """Return a ribbon along a path, with the given widths."""
    left: list[Point] = []
    right: list[Point] = []
    for i, (x, y) in enumerate(path):
        (ax, ay), (bx, by) = path[max(0, i - 1)], path[min(len(path) - 1, i + 1)]
        long = math.hypot(bx - ax, by - ay) or 1.0
        half = _width_at(widths, i / max(1, len(path) - 1)) / 2
        nx, ny = -(by - ay) / long * half, (bx - ax) / long * half
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return left + right[::-1]


def _width_at(widths: Sequence[float], t: float) -> float:
    place = t * (len(widths) - 1)
    low = min(int(place), max(0, len(widths) - 2))
    high = min(low + 1, len(widths) - 1)
    return widths[low] + (widths[high] - widths[low]) * (place - low)


def curve(points: Sequence[Point], steps: int = 10, closed: bool = False) -> list[Point]:
    """Return a smooth (Catmull-Rom) line through the given points."""
    pts = list(points)
    pts = [pts[-1], *pts, pts[0], pts[1]] if closed else [pts[0], *pts, pts[-1]]
    out: list[Point] = []
    for i in range(1, len(pts) - 2):
        out += [_spline(pts[i - 1 : i + 3], s / steps) for s in range(steps)]
    return out if closed else [*out, pts[-2]]


def _spline(knots: Sequence[Point], t: float) -> Point:
    """Return the point at ``t`` (0..1) between the middle two of four knots."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = knots
    t2 = t * t
    t3 = t2 * t
    wa, wb = (2 * t2 - t - t3) / 2, (2 - 5 * t2 + 3 * t3) / 2
    wc, wd = (t + 4 * t2 - 3 * t3) / 2, (t3 - t2) / 2
    return wa * ax + wb * bx + wc * cx + wd * dx, wa * ay + wb * by + wc * cy + wd * dy


def placed(outline: Sequence[Point], at: Point, scale: float, flip: bool = False) -> list[Point]:
    """Move a unit outline to a place: (0, 0) lands on ``at``, one unit is ``scale`` pixels."""
    side = -scale if flip else scale
    return [(at[0] + x * side, at[1] + y * scale) for x, y in outline]
