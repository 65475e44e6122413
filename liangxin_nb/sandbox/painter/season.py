"""A branch of the season in an upper corner, with falling leaves or petals."""

from __future__ import annotations

import math

from liangxin_nb.sandbox.painter._colour import WHITE, mix
from liangxin_nb.sandbox.painter._shapes import curve, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point
from liangxin_nb.sandbox.painter.flora import Outline, leaf, poppy
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec

SHOWY = ("spring", "autumn")


def add_season(canvas: Canvas, brief: SceneSpec) -> None:
    """Add a branch in an upper corner, in seasons with blossom or autumn leaves."""
    if brief.season not in SHOWY:
        return
    # The branch keeps away from the sun or moon.
    side = -1 if canvas.focus[0] > canvas.w / 2 else 1
    for reach, fall, start in ((0.62, 0.16, 0.05), (0.36, 0.3, 0.0)):
        _paint_branch(canvas, brief, _limb(canvas, side, reach, fall, start), side)
    _paint_drift(canvas, brief)


def _limb(canvas: Canvas, side: int, reach: float, fall: float, start: float) -> list[Point]:
    rng, u = canvas.rng, canvas.u
    edge = -u * 0.03 if side < 0 else canvas.w + u * 0.03
    knots = []
    for k in range(5):
        t = k / 4
        sway = rng.uniform(-0.02, 0.02) * u
        knots.append((edge - side * u * reach * t, u * (start + fall * t**1.4) + sway))
    return curve(knots, 9)


def _paint_branch(canvas: Canvas, brief: SceneSpec, limb: list[Point], side: int) -> None:
    """Paint wood first, then twigs, then leaves or blossom in three tones."""
    rng, u = canvas.rng, canvas.u
    bark = mix(brief.palette.near, brief.palette.leaf[3], 0.12)
    twigs = [stroke(limb, [u * 0.014, u * 0.009, u * 0.003])]
    tips = limb[8:] * 2
    for at in limb[6::4]:
        angle = rng.choice((-1, 1)) * rng.uniform(0.4, 1.0) + (math.pi if side > 0 else 0.0)
        long = u * rng.uniform(0.05, 0.1)
        end = at[0] + long * math.cos(angle), at[1] + long * math.sin(angle) + u * 0.015
        path = curve([at, ((at[0] + end[0]) / 2, (at[1] + end[1]) / 2 - u * 0.008), end], 5)
        twigs.append(stroke(path, [u * 0.005, u * 0.002]))
        tips += path[2:] * 2
    canvas.shapes(twigs, bark)
    tones = brief.palette.leaf[:3] if brief.season == "autumn" else brief.palette.leaf[:2]
    for k, tone in enumerate(tones):
        shade = mix(tone, brief.palette.near, 0.4 if brief.dark else 0.05)
        heads = [part for at in tips[k :: len(tones)] for part in _tuft(canvas, brief, at)]
        canvas.shapes(heads, shade, 0.96)
        canvas.shapes(heads[::4], mix(shade, WHITE, 0.35), 0.7)


def _tuft(canvas: Canvas, brief: SceneSpec, at: Point) -> list[Outline]:
    rng, u = canvas.rng, canvas.u
    spot = at[0] + rng.gauss(0, 0.012) * u, at[1] + rng.gauss(0, 0.012) * u
    if brief.season == "spring":
        return poppy(rng, spot, u * rng.uniform(0.011, 0.019), rng.uniform(0.6, 1.0))
    size = u * rng.uniform(0.026, 0.044)
    return [leaf(spot, rng.uniform(0.1, 3.0), size, size * 0.5) for _ in range(2)]


def _paint_drift(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint petals or leaves on the wind."""
    rng, u = canvas.rng, canvas.u
    for tone in brief.palette.leaf[:2]:
        falling: list[Outline] = []
        for _ in range(canvas.across(11)):
            at = rng.random() * canvas.w, rng.random() * canvas.h * 0.9
            size = u * (
                rng.uniform(0.006, 0.012) if brief.season == "spring" else rng.uniform(0.014, 0.024)
            )
            falling.append(leaf(at, rng.uniform(0, math.tau), size, size * 0.55))
        canvas.shapes(falling, mix(tone, WHITE, 0.15), 0.5 if brief.dark else 0.85)
