"""Abstract posters: cut-paper waves, discs and arcs, or a grid of quarter rounds."""

from __future__ import annotations

import math

from PIL import Image, ImageFilter

from liangxin_nb.sandbox.painter._colour import Rgb, along, mix, scaled, turned
from liangxin_nb.sandbox.painter._noise import field, relief, shaped
from liangxin_nb.sandbox.painter._shapes import curve, disc, rect
from liangxin_nb.sandbox.painter.canvas import Canvas, Paint, Point, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec


def paint_abstract(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint one of three abstract compositions on paper."""
    canvas.rng.choice((_paint_waves, _paint_orbits, _paint_tiles, _paint_waves))(canvas, brief)
    _paint_paper(canvas)


def _tones(canvas: Canvas, brief: SceneSpec) -> list[Rgb]:
    """Return six colours that belong together: sky, land, accent and its neighbour."""
    p = brief.palette
    return [
        p.sky[0],
        p.sky[1],
        p.sky[2],
        p.accent,
        turned(p.accent, canvas.rng.choice((-22, 22))),
        p.sky[3],
    ]


def _paint_paper(canvas: Canvas) -> None:
    fibre = field(canvas.rng, (canvas.w, canvas.h), (40 * canvas.ratio, 40), 3)
    side = relief(fibre, (1, 1), 1.2)
    canvas.lay(shaped(side, lambda v: (v - 0.5) * 0.9), (255, 255, 255), 0.25)
    canvas.lay(shaped(side, lambda v: (0.5 - v) * 0.9), (0, 0, 0), 0.25)


def _paint_waves(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint layers of cut paper, each with its shadow on the one behind."""
    rng = canvas.rng
    p = brief.palette
    canvas.backdrop([p.sky[3], mix(p.sky[3], p.light, 0.5)])
    sun = canvas.w * rng.uniform(0.25, 0.75), canvas.h * rng.uniform(0.2, 0.36)
    radius = canvas.u * rng.uniform(0.12, 0.2)
    _cut(
        canvas,
        disc(sun, radius, sides=160),
        gradient((8, 64), [p.accent, mix(p.accent, p.light, 0.4)]),
    )
    count = rng.randint(6, 8)
    ramp = [p.sky[3], p.sky[2], p.sky[1], p.sky[0], p.near]
    swing, lean = rng.uniform(0.05, 0.11), rng.uniform(-0.3, 0.3)
    for i in range(count):
        t = i / (count - 1)
        tone = along(ramp, 0.16 + 0.8 * t)
        _cut(
            canvas,
            _wave(canvas, 0.3 + 0.6 * t, swing, lean * (1 - t)),
            gradient((8, 128), [mix(tone, p.light, 0.16), tone, mix(tone, p.near, 0.2)]),
        )


def _wave(canvas: Canvas, level: float, swing: float, lean: float) -> list[Point]:
    rng = canvas.rng
    count = canvas.across(4) + 3
    step = canvas.w / (count - 3)
    phase = rng.random()
    knots = [
        (
            (i - 1 - phase) * step,
            canvas.h * level
            + canvas.u
            * (
                rng.choice((-1, 1)) * swing * rng.uniform(0.3, 1)
                + lean * ((i - 1) / (count - 2) - 0.5)
            ),
        )
        for i in range(count + 1)
    ]
    return [*curve(knots, 24), (canvas.w * 1.3, canvas.h * 1.1), (-canvas.w * 0.6, canvas.h * 1.1)]


def _cut(canvas: Canvas, shape: list[Point], paint: Paint) -> None:
    """Paint a sheet of paper: a soft shadow, then the sheet."""
    u = canvas.u
    mask = canvas.mask([shape])
    drop = mask.reduce(4).filter(ImageFilter.GaussianBlur(u * 0.005))
    lifted = drop.resize(mask.size).transform(
        mask.size, Image.Transform.AFFINE, (1, 0, -u * 0.002, 0, 1, u * 0.012)
    )
    canvas.lay(lifted, (12, 10, 24), 0.42)
    canvas.shape(shape, paint)


def _paint_orbits(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint large translucent discs, rings and a few small planets."""
    rng, u = canvas.rng, canvas.u
    p = brief.palette
    tones = _tones(canvas, brief)
    paper = scaled(mix(p.sky[3], p.light, 0.4), 0.16 if brief.dark else 0.9)
    canvas.backdrop([paper, mix(paper, p.sky[3], 0.3)])
    heart = canvas.w * rng.uniform(0.38, 0.62), canvas.h * rng.uniform(0.4, 0.6)
    for i in range(rng.randint(5, 7)):
        a, far = rng.uniform(0, math.tau), u * rng.uniform(0.05, 0.36)
        at = (
            heart[0] + far * math.cos(a) * max(1.0, canvas.ratio * 0.8),
            heart[1] + far * math.sin(a) * max(1.0, 0.8 / canvas.ratio),
        )
        radius = u * rng.choice((0.08, 0.13, 0.21, 0.3))
        tone = tones[i % len(tones)]
        shape = disc(at, radius, sides=160)
        if rng.random() < 0.4:
            turn = rng.choice((0, 40, 80, 120))
            shape = (shape + shape)[turn : turn + 81]
        canvas.shape(shape, gradient((8, 128), [tone, mix(tone, tones[(i + 1) % 6], 0.55)]), 0.86)
    for k in range(rng.randint(3, 6)):
        radius = u * (0.2 + 0.075 * k)
        ring = disc(heart, radius, sides=200)
        inner = disc(heart, radius - u * 0.0022, sides=200)
        start, span = rng.randrange(200), rng.randint(60, 170)
        arc, back = (ring + ring)[start : start + span], (inner + inner)[start : start + span]
        canvas.shape([*arc, *back[::-1]], p.near, 0.75)
        canvas.shape(disc(arc[-1], u * rng.uniform(0.006, 0.014)), p.accent)


def _paint_tiles(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a grid of squares, each with a quarter or half round, a dot or a leaf."""
    rng = canvas.rng
    tones = _tones(canvas, brief)
    tones[5] = scaled(tones[5], 0.88)
    cell = canvas.u / rng.choice((4, 5, 6))
    columns, rows = math.ceil(canvas.w / cell), math.ceil(canvas.h / cell)
    for row in range(rows):
        for column in range(columns):
            x, y = column * cell, row * cell
            ground, ink = rng.sample(tones, 2)
            canvas.shape(rect(x, y, x + cell, y + cell), ground)
            for shape in _tile(canvas, x, y, cell):
                canvas.shape(shape, gradient((8, 64), [ink, mix(ink, ground, 0.22)]))


def _tile(canvas: Canvas, x: float, y: float, cell: float) -> list[list[Point]]:
    rng = canvas.rng
    corner = x + cell * rng.randint(0, 1), y + cell * rng.randint(0, 1)
    quarter = _clipped(disc(corner, cell, sides=120), x, y, cell)
    small = _clipped(disc(corner, cell * 0.5, sides=120), x, y, cell)
    middle = x + cell / 2, y + cell / 2
    opposite = 2 * x + cell - corner[0], 2 * y + cell - corner[1]
    kinds = [
        [quarter],
        [quarter],
        [disc(middle, cell * 0.34)],
        [_clipped(disc((middle[0], corner[1]), cell / 2, sides=120), x, y, cell)],
        [small, _clipped(disc(opposite, cell * 0.5, sides=120), x, y, cell)],
        [[corner, (corner[0], opposite[1]), (opposite[0], corner[1])]],
        [rect(x + cell * k / 6, y, x + cell * (k + 1) / 6, y + cell) for k in (0, 2, 4)],
    ]
    return rng.choice(kinds)


def _clipped(points: list[Point], x: float, y: float, cell: float) -> list[Point]:
    return [(min(x + cell, max(x, px)), min(y + cell, max(y, py))) for px, py in points]
