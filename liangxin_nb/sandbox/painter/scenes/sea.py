"""The sea: open water under a wide sky, with a headland, islands or a beach."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import WHITE, mix
from liangxin_nb.sandbox.painter._noise import profile
from liangxin_nb.sandbox.painter._shapes import blob, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.land import paint_rock
from liangxin_nb.sandbox.painter.props import add_birds, add_boat, add_lighthouse
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky
from liangxin_nb.sandbox.painter.water import paint_glitter, paint_swell, paint_water


def paint_sea(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a seascape with a random coast; the prompt may add a boat or a lighthouse."""
    rng = canvas.rng
    horizon = rng.uniform(0.46, 0.62)
    at = paint_sky(canvas, brief, horizon)
    level = canvas.h * horizon
    paint_water(canvas, brief, level)
    _paint_islands(canvas, brief, level)
    paint_swell(canvas, level, mix(brief.palette.sky[0], brief.palette.near, 0.6), 0.3, 210)
    paint_swell(canvas, level, mix(brief.palette.sky[3], WHITE, 0.1), 0.2, 150)
    paint_glitter(canvas, brief, level, at)
    side = -1 if at[0] > canvas.w / 2 else 1
    if "lighthouse" in brief.props or rng.random() < 0.5:
        _paint_headland(canvas, brief, level, -side)
    if "boat" in brief.props or rng.random() < 0.45:
        spot = canvas.w * 0.5 + side * canvas.w * rng.uniform(0.02, 0.16)
        add_boat(canvas, brief, (spot, level + (canvas.h - level) * 0.2), canvas.u * 0.1)
    if rng.random() < 0.65:
        add_birds(canvas, brief, (canvas.w * 0.5, level * 0.5), canvas.u * 0.2)
    rng.choice((_paint_beach, _paint_rocks))(canvas, brief)


def _paint_islands(canvas: Canvas, brief: SceneSpec, level: float) -> None:
    rng = canvas.rng
    for i in range(rng.randint(0, 3)):
        wide = canvas.w * rng.uniform(0.12, 0.4)
        left = rng.uniform(-0.1, 0.9) * canvas.w
        tall = canvas.u * rng.uniform(0.02, 0.07)
        heights = profile(rng, 40, 3, 4)
        line = [
            (left + wide * j / 39, level - tall * v * _arch(j / 39)) for j, v in enumerate(heights)
        ]
        canvas.shape(
            [*line, (left + wide, level + 1), (left, level + 1)],
            brief.palette.depth(0.12 + 0.14 * i),
        )


def _arch(t: float) -> float:
    return float(min(1.0, 4.5 * t * (1 - t)))


def _paint_headland(canvas: Canvas, brief: SceneSpec, level: float, side: int) -> None:
    """Paint a cliff that enters from one side (``side`` 1: the left), steep to seaward."""
    rng, u = canvas.rng, canvas.u
    line = _cliff_line(canvas, level, side)
    foot, cape = level + u * 0.02, line[-1][0]
    shape = [
        (line[0][0], foot),
        *line,
        (cape + side * u * 0.015, level),
        (cape - side * u * 0.06, foot),
    ]
    colour = brief.palette.depth(0.62)
    turf = mix(colour, brief.palette.leaf[3], 0.3)
    canvas.shape(shape, gradient((8, 128), [turf, colour, brief.palette.depth(0.8)]))
    tones = mix(colour, brief.palette.light, 0.35), brief.palette.near
    paint_rock(canvas, line[::side], level, tones, side < 0)
    if "lighthouse" in brief.props or rng.random() < 0.5:
        add_lighthouse(canvas, brief, (line[32][0], line[32][1] + u * 0.008), u * 0.17)


def _cliff_line(canvas: Canvas, level: float, side: int) -> list[Point]:
    rng = canvas.rng
    long, tall = canvas.w * rng.uniform(0.3, 0.42), canvas.u * rng.uniform(0.13, 0.2)
    edge = 0.0 if side > 0 else float(canvas.w)
    line: list[Point] = []
    for j, v in enumerate(profile(rng, 50, 3.5, 5)):
        t = j / 49
        height = tall * (1 - t**5) * (0.72 + 0.28 * v) * (1 - 0.3 * t)
        line.append((edge + side * long * t, level - height))
    return line


def _paint_beach(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint wet sand along the lower edge, with two lines of foam."""
    rng = canvas.rng
    sand = mix(
        mix(brief.palette.sky[3], (214, 178, 130), 0.5),
        brief.palette.near,
        0.72 if brief.dark else 0.18,
    )
    tilt = rng.uniform(-0.12, 0.12)
    heights = profile(rng, 60, 2.2, 2)
    base = canvas.h * rng.uniform(0.86, 0.92)
    line = [
        (canvas.w * i / 59, base + canvas.u * (0.05 * v + tilt * (i / 59 - 0.5)))
        for i, v in enumerate(heights)
    ]
    for lift, tone, strength in (
        (0.035, WHITE, 0.22),
        (0.016, mix(sand, brief.palette.near, 0.35), 0.6),
    ):
        raised = [(x, y - canvas.u * lift) for x, y in line]
        canvas.shape([*raised, (canvas.w, canvas.h), (0, canvas.h)], tone, strength)
    canvas.shape(
        [*line, (canvas.w, canvas.h), (0, canvas.h)],
        gradient((8, 64), [mix(sand, WHITE, 0.12), sand]),
    )
    widths = [canvas.u * 0.004 * (0.4 + v) for v in profile(rng, 40, 9, 3)]
    canvas.shape(stroke(line, widths), WHITE, 0.45 if brief.dark else 0.85)
    canvas.shape(stroke([(x, y - canvas.u * 0.035) for x, y in line], widths[::-1]), WHITE, 0.5)


def _paint_rocks(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a few dark stones in a lower corner, with foam at their feet."""
    rng = canvas.rng
    corner = rng.choice((0.12, 0.86))
    for i in range(rng.randint(5, 8)):
        x = canvas.w * corner + rng.gauss(0, 0.13) * canvas.u * 1.4
        y = canvas.h * (0.9 + 0.02 * i)
        size = canvas.u * rng.uniform(0.025, 0.075)
        stone = [(px, y + (py - y) * 0.6) for px, py in blob(rng, (x, y), size, 0.5)]
        foam = [
            (px, y + size * 0.32 + (py - y) * 0.2) for px, py in blob(rng, (x, y), size * 1.12, 0.4)
        ]
        canvas.shape(foam, WHITE, 0.12 if brief.dark else 0.4)
        canvas.shape(
            stone,
            gradient(
                (8, 64),
                [
                    mix(brief.palette.near, brief.palette.sky[2], 0.45),
                    brief.palette.near,
                    brief.palette.near,
                ],
            ),
        )
