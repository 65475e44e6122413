"""A lake: shore, woods and hills doubled in still water."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import WHITE, mix
from liangxin_nb.sandbox.painter._shapes import rect, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point
from liangxin_nb.sandbox.painter.flora import blade, conifer_row
from liangxin_nb.sandbox.painter.land import body, paint_range, parted, ridge_line
from liangxin_nb.sandbox.painter.props import add_birds, add_boat, add_house
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky
from liangxin_nb.sandbox.painter.water import mirror, paint_swell


def paint_lake(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint hills and firs around still water, with reeds, a jetty or a boat in front."""
    rng = canvas.rng
    horizon = rng.uniform(0.5, 0.62)
    level = canvas.h * horizon
    at = paint_sky(canvas, brief, horizon)
    _paint_shore(canvas, brief, level, at)
    mirror(canvas, brief, level, rng.uniform(0.35, 0.75))
    shine = mix(brief.palette.sky[3], WHITE, 0.3)
    paint_swell(canvas, level, shine, 0.16, 60)
    canvas.shape(rect(0, level - canvas.u * 0.001, canvas.w, level + canvas.u * 0.0025), shine, 0.5)
    if "boat" in brief.props or rng.random() < 0.3:
        add_boat(
            canvas,
            brief,
            (canvas.w * rng.uniform(0.35, 0.65), level + canvas.u * 0.1),
            canvas.u * 0.09,
        )
    if rng.random() < 0.4:
        add_birds(canvas, brief, (canvas.w * 0.5, canvas.h * 0.22), canvas.u * 0.15)
    rng.choice((_paint_reeds, _paint_jetty, _paint_reeds))(canvas, brief)


def _paint_shore(canvas: Canvas, brief: SceneSpec, level: float, at: Point) -> None:
    rng = canvas.rng
    count = rng.randint(2, 3)
    for i in range(count):
        height = canvas.u * rng.uniform(0.2, 0.34) * (1 - 0.42 * i / count)
        line = ridge_line(canvas, level - canvas.u * 0.01, height, rng.uniform(1.4, 2.6), 0.45)
        paint_range(
            canvas, brief, parted(canvas, line, level, at), 0.6 * i / count, at[0] < canvas.w / 2
        )
    line = ridge_line(canvas, level - canvas.u * 0.002, canvas.u * 0.035, 2.0, 0.4)
    for depth, count_trees, tall in ((0.55, 90, 0.07), (0.78, 55, 0.1)):
        ink = mix(brief.palette.depth(depth), brief.palette.leaf[rng.randrange(4)], 0.3)
        canvas.shapes(conifer_row(canvas, line, count_trees, canvas.u * tall, 0.1), ink)
        canvas.shape(body(canvas, line), ink)
    if "house" in brief.props or rng.random() < 0.35:
        spot = canvas.w * rng.choice((0.26, 0.7)), level - canvas.u * 0.004
        add_house(canvas, brief, spot, canvas.u * 0.075, brief.palette.near)


def _paint_reeds(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint grasses that lean in from one lower corner."""
    rng = canvas.rng
    left = rng.random() < 0.5
    blades = []
    for _ in range(90):
        reach = abs(rng.gauss(0, 0.17)) * canvas.u * 1.4
        x = reach if left else canvas.w - reach
        tall = canvas.u * rng.uniform(0.06, 0.24) * (1 - min(0.75, reach / canvas.u))
        blades.append(blade(rng, (x, canvas.h + canvas.u * 0.01), tall, canvas.u * 0.0055))
    canvas.shapes(blades, mix(brief.palette.near, brief.palette.leaf[3], 0.12))


def _paint_jetty(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a wooden jetty that runs out towards the far shore."""
    rng, u = canvas.rng, canvas.u
    foot, lean = canvas.w * rng.choice((0.3, 0.42, 0.62)), rng.uniform(-0.12, 0.12) * u

    def edges(t: float) -> tuple[Point, Point]:
        """Return both ends of the plank at a nearness (0 far .. 1 near)."""
        middle, half = foot + lean * (1 - t), u * (0.022 + 0.108 * t)
        y = canvas.h * (0.79 + 0.23 * t)
        return (middle - half, y), (middle + half, y)

    posts = [_post(spot, t, u) for t in (0.0, 0.09, 0.31, 0.61, 1.0) for spot in edges(t)]
    canvas.shapes(posts, brief.palette.near)
    wood = mix(brief.palette.near, brief.palette.accent, 0.14)
    canvas.shape([*edges(0), *edges(1)[::-1]], wood)
    for i in range(16):
        t = (i / 15) ** 1.7
        canvas.shape(stroke(edges(t), [u * (0.0012 + 0.003 * t)] * 2), brief.palette.near, 0.7)
    canvas.shape(stroke(edges(0), [u * 0.002] * 2), brief.palette.light, 0.5)


def _post(spot: Point, t: float, u: float) -> list[Point]:
    half = u * 0.004 * (1 + t)
    return rect(spot[0] - half, spot[1] - u * 0.014, spot[0] + half, spot[1] + u * 0.06)
