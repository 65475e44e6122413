"""The desert: dunes with one bright and one shaded face."""

from __future__ import annotations

from PIL import Image

from liangxin_nb.sandbox.painter._colour import Rgb, mix, tinted
from liangxin_nb.sandbox.painter._noise import field, shaped
from liangxin_nb.sandbox.painter._shapes import curve
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.land import body, paint_range, ridge_line
from liangxin_nb.sandbox.painter.props import add_birds
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky

SAND: Rgb = (226, 160, 92)


def paint_desert(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint four to six dunes that climb towards the viewer under a large sky."""
    rng = canvas.rng
    horizon = rng.uniform(0.5, 0.62)
    at = paint_sky(canvas, brief, horizon)
    if rng.random() < 0.5:
        line = ridge_line(canvas, canvas.h * horizon, canvas.u * 0.09, 3, 0.3, 0.6)
        paint_range(canvas, brief, line, 0.05, at[0] < canvas.w / 2)
    count = rng.randint(4, 6)
    for i in range(count):
        t = i / (count - 1)
        _paint_dune(
            canvas, brief, horizon + (0.9 - horizon) * t**1.2, t, 1 if at[0] < canvas.w / 2 else -1
        )
    _paint_ripples(canvas, brief, horizon)
    if rng.random() < 0.4:
        add_birds(canvas, brief, (canvas.w * 0.5, canvas.h * 0.25), canvas.u * 0.15)


def _paint_dune(canvas: Canvas, brief: SceneSpec, level: float, t: float, side: int) -> None:
    """Paint one dune: a lit body, then the face that is turned away from the light."""
    rng, u = canvas.rng, canvas.u
    lit, shade = _tones(brief, t)
    rise = u * rng.uniform(0.04, 0.09) * (1 + 1.2 * t)
    peak = canvas.w * rng.uniform(0.12, 0.88), canvas.h * level - rise
    left, right = _slopes(canvas, peak, canvas.h * level + u * 0.05)
    canvas.shape(body(canvas, [*left, *right[1:]]), _ramp(lit, shade, (0, 0.12, 0.3, 0.45)))
    away, outer = (right, canvas.w + u * 0.2) if side > 0 else (left[::-1], -u * 0.2)
    spine = _spine(canvas, peak, side, t)
    low = canvas.h * 1.1
    face = [*away, (outer, low), (spine[-1][0], low), *spine[::-1]]
    canvas.shape(face, _ramp(shade, lit, (0, 0.12, 0.6, 0.85)))


def _ramp(first: Rgb, last: Rgb, shares: tuple[float, ...]) -> Image.Image:
    return gradient((8, 128), [mix(first, last, share) for share in shares])


def _slopes(canvas: Canvas, peak: Point, foot: float) -> tuple[list[Point], list[Point]]:
    """Return the two sides of a dune's outline, hollow like a hung rope."""
    rng, u = canvas.rng, canvas.u
    gap = canvas.w - peak[0]
    start = (-u * 0.2, foot + u * rng.uniform(-0.05, 0.05))
    left = [start, (peak[0] * 0.5, foot - u * 0.035 * rng.random()), peak]
    end = (canvas.w + u * 0.2, foot + u * rng.uniform(-0.05, 0.05))
    right = [peak, (peak[0] + gap * 0.45, foot - u * 0.02 * rng.random()), end]
    return curve(left, 14), curve(right, 14)


def _tones(brief: SceneSpec, t: float) -> tuple[Rgb, Rgb]:
    """Return lit and shaded sand at a distance (0 far .. 1 near)."""
    base = tinted(mix(brief.palette.far, brief.palette.accent, 0.3), SAND, 0.55)
    lit = mix(mix(base, brief.palette.light, 0.34 - 0.1 * t), brief.palette.sky[2], 0.3 * (1 - t))
    if brief.dark:
        lit = mix(lit, brief.palette.far, 0.6)
    shade = mix(
        mix(base, brief.palette.near, 0.42 + 0.22 * t), brief.palette.sky[2], 0.45 * (1 - t)
    )
    return lit, shade


def _spine(canvas: Canvas, peak: Point, side: int, t: float) -> list[Point]:
    """Return the sinuous crest between the bright and the shaded face."""
    rng, u = canvas.rng, canvas.u
    swing = u * (0.06 + 0.16 * t) * rng.uniform(0.7, 1.3)
    x, y = peak
    drop = u * (0.11 + 0.24 * t)
    turns = ((0, 0), (-0.1, 0.25), (0.3, 0.7), (-0.35, 1.35), (0.1, 2.1), (-1.4, 3.6))
    return curve([(x + side * swing * a, y + drop * b) for a, b in turns], 12)


def _paint_ripples(canvas: Canvas, brief: SceneSpec, horizon: float) -> None:
    """Paint faint wind marks on the sand."""
    top = round(canvas.h * (horizon + 0.08))
    size = canvas.w, canvas.h - top
    noise = field(canvas.rng, size, (2.2 * canvas.wide, 24 * size[1] / canvas.u), 3)
    canvas.stamp(
        shaped(noise, lambda v: (v - 0.55) * 0.5),
        (0, top, canvas.w, canvas.h),
        brief.palette.near,
        0.5,
    )
    canvas.stamp(
        shaped(noise, lambda v: (0.45 - v) * 0.5),
        (0, top, canvas.w, canvas.h),
        brief.palette.light,
        0.5,
    )
