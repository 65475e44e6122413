"""Outer space: nebulae, stars, and a planet with rings, moons or a horizon."""

from __future__ import annotations

from itertools import pairwise

from PIL import Image, ImageChops, ImageOps

from liangxin_nb.sandbox.painter._colour import BLACK, WHITE, Rgb, light_of, mix, scaled, turned
from liangxin_nb.sandbox.painter._noise import field, ridged, shaped, threshold
from liangxin_nb.sandbox.painter._shapes import disc
from liangxin_nb.sandbox.painter.canvas import SMOOTH, Canvas, Point, gradient
from liangxin_nb.sandbox.painter.land import body, paint_rock, ridge_line
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_stars


def paint_space(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a nebula and a large planet, at random with a small one or a rocky horizon."""
    rng = canvas.rng
    deep = scaled(brief.palette.sky[0], 0.035)
    canvas.backdrop([deep, mix(deep, brief.palette.sky[1], 0.5), deep])
    _paint_nebula(canvas, brief)
    paint_stars(canvas, 1.0, 330)
    _paint_bright_stars(canvas)
    side = rng.choice((-1, 1))
    at = canvas.w * (0.5 + side * rng.uniform(0.0, 0.2)), canvas.h * rng.uniform(0.36, 0.6)
    radius = canvas.u * rng.uniform(0.17, 0.32)
    small = canvas.w * (0.5 - side * rng.uniform(0.22, 0.36)), canvas.h * rng.uniform(0.14, 0.34)
    hue = turned(brief.palette.accent, rng.choice((0, 0, 150, 200)), 0.8)
    paint_world(
        canvas,
        brief,
        small,
        radius * rng.uniform(0.12, 0.26),
        mix(brief.palette.far, WHITE, 0.3),
        side,
    )
    ringed = rng.random() < 0.6 or "rings" in brief.props
    tilt = rng.uniform(0.14, 0.3)
    if ringed:
        _paint_rings(canvas, brief, at, radius, tilt, front=False)
    paint_world(canvas, brief, at, radius, hue, side)
    if ringed:
        _paint_rings(canvas, brief, at, radius, tilt, front=True)
    if rng.random() < 0.55:
        _paint_ground(canvas, brief, side)


def _paint_nebula(canvas: Canvas, brief: SceneSpec) -> None:
    rng = canvas.rng
    size = canvas.w, canvas.h
    sky = [scaled(tone, min(0.5, light_of(tone))) for tone in brief.palette.sky]
    tones = sky[1], sky[2], mix(scaled(brief.palette.accent, 0.45), sky[2], 0.35)
    for k, tone in enumerate(tones):
        scale = rng.uniform(1.2, 2.2)
        cloud = field(rng, size, (scale * canvas.wide, scale * canvas.h / canvas.u), 6)
        veins = ridged(field(rng, size, (2 * canvas.wide, 2 * canvas.h / canvas.u), 5))
        mask = ImageChops.multiply(
            threshold(cloud, 0.42 + 0.07 * k, 0.5), shaped(veins, lambda v: 0.25 + 0.75 * v)
        )
        lit = Image.merge(
            "RGB", [mask.point([round(i * part / 255 * 0.8) for i in range(256)]) for part in tone]
        )
        canvas.image.paste(ImageChops.screen(canvas.image, lit))


def _paint_bright_stars(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(canvas.across(7)):
        at = rng.random() * canvas.w, rng.random() * canvas.h * 0.8
        size = canvas.u * rng.uniform(0.006, 0.016)
        canvas.glow(at, size * 3, (220, 230, 255), 0.5, 3)
        thin = size * 0.09
        canvas.shapes(
            [
                [
                    (at[0] - size, at[1]),
                    (at[0], at[1] - thin),
                    (at[0] + size, at[1]),
                    (at[0], at[1] + thin),
                ],
                [
                    (at[0], at[1] - size),
                    (at[0] - thin, at[1]),
                    (at[0], at[1] + size),
                    (at[0] + thin, at[1]),
                ],
            ],
            WHITE,
            0.9,
        )


def paint_world(
    canvas: Canvas, brief: SceneSpec, at: Point, radius: float, hue: Rgb, side: int
) -> None:
    """Paint a banded globe lit from one side (``side`` -1: left), with a thin bright atmosphere."""
    rng = canvas.rng
    canvas.glow(at, radius * 1.45, mix(hue, brief.palette.sky[3], 0.4), 0.55, 2.5)
    px = max(8, min(700, round(radius * 2)))
    bands = field(rng, (px, px), (rng.uniform(1, 2.5), rng.uniform(5, 11)), 4).rotate(
        rng.uniform(-25, 25), SMOOTH, fillcolor=128
    )
    skin = ImageOps.colorize(
        bands, mix(hue, brief.palette.near, 0.42), mix(hue, WHITE, 0.5), mid=hue
    )
    skin = ImageChops.multiply(skin, _day(px, -side))
    canvas.shape(disc(at, radius, sides=160), skin)


def _day(px: int, side: int) -> Image.Image:
    """Return daylight on a globe: an off-centre radial falloff."""
    ball = Image.radial_gradient("L").resize((px * 2, px * 2), SMOOTH)
    left = round(px * (0.5 - side * 0.3))
    lit = ball.crop((left, round(px * 0.64), left + px, round(px * 0.64) + px))
    shade = lit.point(
        [round(255 * max(0.04, min(1.0, 1.12 - (i / 150) ** 2.2))) for i in range(256)]
    )
    return Image.merge("RGB", (shade, shade, shade))


def _paint_rings(
    canvas: Canvas, brief: SceneSpec, at: Point, radius: float, tilt: float, front: bool
) -> None:
    """Paint half of a ring system: the far half goes behind the globe, the near half before it."""
    tone = mix(brief.palette.light, brief.palette.accent, 0.4)
    rng = canvas.rng
    edges = [1.34, 1.5, 1.56, 1.8, 1.86, 1.98, 2.02]
    for k, (inner, outer) in enumerate(pairwise(edges)):
        if k % 2 and k != 3:
            continue
        half = slice(0, 61) if front else slice(60, 121)
        a = _turned(disc((0, 0), radius * inner, radius * inner * tilt, 120), at)[half]
        b = _turned(disc((0, 0), radius * outer, radius * outer * tilt, 120), at)[half]
        canvas.shape([*a, *b[::-1]], mix(tone, brief.palette.near, 0.1 * k), rng.uniform(0.5, 0.85))


def _turned(points: list[Point], at: Point) -> list[Point]:
    """Lean the rings by a fixed angle and close the loop."""
    c, s = 0.956, -0.292
    out = [(at[0] + x * c - y * s, at[1] + x * s + y * c) for x, y in points]
    return [*out, out[0]]


def _paint_ground(canvas: Canvas, brief: SceneSpec, side: int) -> None:
    """Paint a rocky horizon in the foreground."""
    for i in range(2):
        line = ridge_line(
            canvas, canvas.h * (0.93 + 0.06 * i), canvas.u * (0.16 - 0.05 * i), 2.6, 0.5
        )
        tone = mix(
            mix(brief.palette.far, brief.palette.near, 0.45 + 0.4 * i), brief.palette.sky[2], 0.2
        )
        shape = body(canvas, line)
        canvas.shape(shape, gradient((8, 64), [tone, mix(tone, BLACK, 0.5)]))
        paint_rock(canvas, line, canvas.h, (mix(tone, brief.palette.sky[3], 0.4), BLACK), side < 0)
