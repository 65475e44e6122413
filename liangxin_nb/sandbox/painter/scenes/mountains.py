"""Mountains: ranges behind ranges, lit from one side and lost in mist below."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import mix
from liangxin_nb.sandbox.painter.canvas import Canvas, Point
from liangxin_nb.sandbox.painter.flora import conifer_row
from liangxin_nb.sandbox.painter.land import body, paint_range, parted, ridge_line
from liangxin_nb.sandbox.painter.props import add_birds, add_house
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky


def paint_mountains(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a mountain view: sky, three to five ranges, and firs on the nearest hill."""
    rng = canvas.rng
    at = paint_sky(canvas, brief, 0.7)
    count = rng.randint(3, 5)
    top, bottom = rng.uniform(0.56, 0.64), rng.uniform(0.84, 0.92)
    peak = rng.uniform(0.26, 0.4)
    for i in range(count):
        t = i / (count - 1)
        base = canvas.h * (top + (bottom - top) * t)
        height = (canvas.u * 0.6 + canvas.h * 0.4) * (peak - (peak - 0.13) * t)
        line = ridge_line(canvas, base, height, rng.uniform(1.5, 3.0), 0.5)
        paint_range(canvas, brief, parted(canvas, line, base, at), t * 0.8, at[0] < canvas.w / 2)
    if "birds" in brief.props or rng.random() < 0.4:
        add_birds(canvas, brief, (canvas.w - at[0], canvas.h * 0.3), canvas.u * 0.16)
    _paint_foreground(canvas, brief)


def _paint_foreground(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a dark wooded hill that gives the mountains their scale."""
    rng = canvas.rng
    line = ridge_line(canvas, canvas.h * 0.97, canvas.u * rng.uniform(0.06, 0.16), 1.1, 0.35)
    ink = mix(brief.palette.near, brief.palette.leaf[3], 0.1)
    behind = mix(ink, brief.palette.far, 0.22)
    canvas.shapes(conifer_row(canvas, line, 60, canvas.u * 0.11), behind)
    canvas.shape(body(canvas, line), ink)
    canvas.shapes(conifer_row(canvas, line, 34, canvas.u * rng.uniform(0.1, 0.17), 0.2), ink)
    if "house" in brief.props:
        spot: Point = line[len(line) * rng.choice((3, 7)) // 10]
        add_house(canvas, brief, (spot[0], spot[1] + canvas.u * 0.02), canvas.u * 0.11, ink)
