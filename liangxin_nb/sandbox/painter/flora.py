"""Outlines of plants: conifers, leafy trees, grass blades, leaves and blossoms."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from liangxin_nb.sandbox.painter._shapes import blob, curve, disc, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point

Outline = list[Point]


def conifer(canvas: Canvas, foot: Point, height: float) -> Outline:
    """Return a fir with drooping, uneven tiers."""
    x, y = foot
    rng = canvas.spare()
    tiers = max(4, min(11, round(height / canvas.u * 75)))
    spread = height * rng.uniform(0.17, 0.25)
    left: Outline = []
    right: Outline = []
    for i in range(tiers):
        t = (i + 1) / tiers
        low = y - height * (1 - t) * 0.94 - height * 0.05
        for side, edge in ((-1, left), (1, right)):
            out = spread * t**0.9 * rng.uniform(0.75, 1.15)
            edge.append((x + side * out, low + rng.uniform(0, 0.02) * height))
            edge.append((x + side * out * 0.45, low - height * 0.015))
    trunk = height * 0.018
    foot_points = [(x + trunk, y - height * 0.04), (x + trunk, y), (x - trunk, y)]
    return [(x, y - height), *right, *foot_points, *reversed(left)]


def conifer_row(
    canvas: Canvas, line: Sequence[Point], count: float, height: float, calm: float = 0.45
) -> list[Outline]:
    """Return loose groups of firs along a ridge; ``calm`` is the lowest share of the height."""
    rng = canvas.rng
    out = []
    clump = rng.uniform(0, math.tau)
    for _ in range(canvas.across(count)):
        i = rng.randrange(len(line))
        x, y = line[i]
        group = 0.5 + 0.5 * math.sin(clump + x / canvas.u * rng.uniform(5, 6.5))
        tall = height * (calm + (1 - calm) * group) * rng.uniform(0.55, 1.1)
        out.append(conifer(canvas, (x, y + height * 0.06), tall))
    return out


def crown(rng: random.Random, at: Point, radius: float, tufts: int = 9) -> list[Outline]:
    """Return the leafy head of a tree, as a heap of tufts around a point."""
    out = []
    for _ in range(tufts):
        a, d = rng.uniform(0, math.tau), radius * math.sqrt(rng.random()) * 0.75
        out.append(
            blob(
                rng,
                (at[0] + d * math.cos(a), at[1] + d * 0.72 * math.sin(a)),
                radius * rng.uniform(0.3, 0.5),
                0.3,
            )
        )
    return out


def trunk(rng: random.Random, foot: Point, height: float, width: float) -> Outline:
    """Return a tree stem with a flared foot and a slight sway."""
    x, y = foot
    sway = rng.uniform(-0.06, 0.06) * height
    bend = rng.uniform(-0.03, 0.03) * height
    path = curve([(x, y), (x + bend, y - height * 0.5), (x + sway, y - height)], 8)
    return stroke(path, [width * 1.7, width, width * 0.92, width * 0.85, width * 0.7])


def blade(rng: random.Random, foot: Point, height: float, width: float) -> Outline:
    """Return one bent blade of grass."""
    x, y = foot
    lean = rng.uniform(-0.45, 0.45) * height
    path = [(x, y), (x + lean * 0.25, y - height * 0.55), (x + lean, y - height)]
    return stroke(curve(path, 3), [width, width * 0.8, 0.0])


def leaf(foot: Point, angle: float, length: float, width: float) -> Outline:
    """Return a pointed leaf that grows from a point at an angle in radians."""
    c, s = math.cos(angle), math.sin(angle)
    half = [(0.0, 0.0), (0.25, 0.8), (0.55, 1.0), (0.8, 0.6), (1.0, 0.0)]
    edge = [*half, *[(t, -v) for t, v in half[-2:0:-1]]]
    return [
        (foot[0] + t * length * c - v * width / 2 * s, foot[1] + t * length * s + v * width / 2 * c)
        for t, v in curve(edge, 3, closed=True)
    ]


def daisy(rng: random.Random, at: Point, size: float, tilt: float) -> list[Outline]:
    """Return slim petals around a centre; ``tilt`` (0..1) squashes the flower into perspective."""
    petals = rng.randint(8, 12)
    turn = rng.uniform(0, math.tau)
    return [
        _petal(at, turn + math.tau * i / petals, size, size * 0.42, tilt) for i in range(petals)
    ]


def poppy(rng: random.Random, at: Point, size: float, tilt: float) -> list[Outline]:
    """Return four or five broad, crumpled petals."""
    turn = rng.uniform(0, math.tau)
    count = rng.randint(4, 5)
    return [_petal(at, turn + math.tau * i / count, size, size * 1.15, tilt) for i in range(count)]


def tulip(rng: random.Random, at: Point, size: float, tilt: float) -> list[Outline]:
    """Return a closed cup of three petals seen from the side; ``tilt`` leans it a little."""
    foot = (at[0], at[1] + size * 0.8)
    lean = rng.uniform(-0.12, 0.12) * (1.5 - tilt)
    angles = (-math.pi / 2 + lean - 0.34, -math.pi / 2 + lean + 0.34, -math.pi / 2 + lean)
    return [leaf(foot, a, size * 1.7, size * 0.95) for a in angles]


def tuft(rng: random.Random, at: Point, size: float, tilt: float) -> list[Outline]:
    """Return a spike of small round florets, as on lavender or lupin; ``tilt`` shortens it."""
    out = []
    for i in range(11):
        t = i / 10
        wide = size * 0.34 * (1 - 0.75 * t)
        x = at[0] + rng.uniform(-1, 1) * wide
        out.append(
            disc(
                (x, at[1] + size * (0.9 - (1.6 + 0.8 * tilt) * t)),
                wide * 0.8 + size * 0.05,
                sides=12,
            )
        )
    return out


def _petal(at: Point, angle: float, length: float, width: float, tilt: float) -> Outline:
    flat = leaf((0.0, 0.0), angle, length, width)
    return [(at[0] + x, at[1] + y * tilt) for x, y in flat]


Flower = Callable[[random.Random, Point, float, float], list[Outline]]
FLOWERS: tuple[Flower, ...] = (daisy, poppy, tulip, tuft)
