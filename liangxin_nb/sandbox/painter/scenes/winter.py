"""Winter: snow hills, loaded firs and a cabin with its lamp lit."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import WHITE, Rgb, mix
from liangxin_nb.sandbox.painter._shapes import blob
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.flora import conifer, conifer_row
from liangxin_nb.sandbox.painter.land import body, paint_range, parted, ridge_line
from liangxin_nb.sandbox.painter.props import add_house
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky


def paint_winter(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint snow hills in front of far peaks, with firs and, mostly, a cabin."""
    rng = canvas.rng
    at = paint_sky(canvas, brief, 0.62)
    line = ridge_line(
        canvas, canvas.h * 0.6, canvas.u * rng.uniform(0.18, 0.3), rng.uniform(1.6, 2.6), 0.5
    )
    paint_range(canvas, brief, parted(canvas, line, canvas.h * 0.6, at), 0.12, at[0] < canvas.w / 2)
    cabin = rng.randint(1, 2) if "house" in brief.props or rng.random() < 0.7 else -1
    for i in range(4):
        _paint_hill(canvas, brief, i / 3, house=i == cabin)
    _paint_near_firs(canvas, brief)


def snow(brief: SceneSpec, depth: float) -> tuple[Rgb, Rgb]:
    """Return lit and shaded snow at a depth (0 far .. 1 near)."""
    lit = mix(mix(WHITE, brief.palette.light, 0.4), brief.palette.sky[3], 0.45 * (1 - depth))
    shade = mix(mix(brief.palette.sky[1], brief.palette.sky[2], 0.5), WHITE, 0.22)
    if brief.dark:
        lit, shade = mix(lit, brief.palette.sky[2], 0.55), mix(shade, brief.palette.sky[1], 0.5)
    return lit, mix(shade, brief.palette.far, 0.3 * (1 - depth))


def _paint_hill(canvas: Canvas, brief: SceneSpec, t: float, house: bool) -> None:
    rng, u = canvas.rng, canvas.u
    base = canvas.h * (0.62 + 0.33 * t)
    line = ridge_line(canvas, base, u * rng.uniform(0.08, 0.14), rng.uniform(0.8, 1.5), 0.16, 1.0)
    ink = mix(brief.palette.depth(0.35 + 0.5 * t), brief.palette.sky[1], 0.25 * (1 - t))
    if t < 0.9:
        canvas.shapes(conifer_row(canvas, line, 46 - 26 * t, u * (0.05 + 0.09 * t), 0.3), ink)
    lit, shade = snow(brief, t)
    canvas.shape(
        body(canvas, line),
        gradient((8, 256), [lit, mix(lit, shade, 0.4), mix(lit, shade, 0.85), shade]),
    )
    if house:
        x, y = line[len(line) * rng.choice((3, 7)) // 10]
        add_house(canvas, brief, (x, y + u * 0.035), u * (0.1 + 0.05 * t), mix(lit, WHITE, 0.2))
    for _ in range(canvas.across(3)):
        x, y = line[rng.randrange(len(line))]
        _paint_fir(
            canvas,
            brief,
            (x, y + u * rng.uniform(0.01, 0.05)),
            u * (0.06 + 0.12 * t) * rng.uniform(0.7, 1.2),
            t,
        )


def _paint_fir(canvas: Canvas, brief: SceneSpec, foot: Point, height: float, t: float) -> None:
    """Paint a fir with snow on its boughs and a blue shadow on the ground."""
    rng = canvas.rng
    lit, shade = snow(brief, t)
    shadow = [
        (x + height * 0.12, foot[1] + (y - foot[1]) * 0.16)
        for x, y in blob(rng, foot, height * 0.3)
    ]
    canvas.shape(shadow, mix(shade, brief.palette.near, 0.25), 0.4)
    tree = conifer(canvas, foot, height)
    canvas.shape(tree, mix(brief.palette.depth(0.5 + 0.42 * t), brief.palette.leaf[2], 0.06))
    canvas.shapes(_loads(canvas, foot, height), mix(lit, shade, 0.18), 0.92)


def _loads(canvas: Canvas, foot: Point, height: float) -> list[list[Point]]:
    """Return patches of snow lying on the boughs of a fir."""
    rng = canvas.rng
    out = []
    for i in range(16):
        t = (i + 0.5) / 16
        wide = height * 0.17 * t
        x = foot[0] + rng.uniform(-0.9, 0.75) * wide
        y = foot[1] - height * (0.97 - 0.85 * t)
        patch = blob(rng, (x, y), height * (0.02 + 0.042 * t), 0.5)
        drop = 0.55 if x < foot[0] else -0.55
        out.append([(px, y + (py - y) * 0.42 - (px - x) * drop) for px, py in patch])
    return out


def _paint_near_firs(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint two or three tall firs that frame one side."""
    rng, u = canvas.rng, canvas.u
    left = rng.random() < 0.5
    for i in range(rng.randint(2, 3)):
        inset = u * (0.02 + 0.13 * i + rng.uniform(0, 0.05))
        x = inset if left else canvas.w - inset
        _paint_fir(
            canvas,
            brief,
            (x, canvas.h * (1.03 - 0.02 * i)),
            u * rng.uniform(0.4, 0.62) * (1 - 0.17 * i),
            1.0,
        )
