"""A cat at a window or on a wall, between us and the view."""

from __future__ import annotations

from PIL import ImageChops

from liangxin_nb.sandbox.painter._colour import WHITE, mix
from liangxin_nb.sandbox.painter._shapes import placed, rect
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.cats import CATS
from liangxin_nb.sandbox.painter.flora import leaf
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec

Box = tuple[float, float, float, float]


def paint_cat(canvas: Canvas, brief: SceneSpec) -> None:
    """Set a cat before the view that is already on the canvas, within a window or without."""
    rng = canvas.rng
    x = canvas.w * (
        rng.uniform(0.3, 0.4) if canvas.focus[0] > canvas.w / 2 else rng.uniform(0.6, 0.7)
    )
    tall = canvas.u * rng.uniform(0.4, 0.5)
    ground = canvas.h - canvas.u * rng.uniform(0.1, 0.14)
    if rng.random() < 0.6:
        _paint_window(canvas, brief, ground)
    else:
        _paint_wall(canvas, brief, ground)
    if rng.random() < 0.6:
        _paint_plant(canvas, brief, (canvas.w - x, ground), canvas.u * 0.1)
    _paint_figure(canvas, brief, (x, ground + canvas.u * 0.004), tall)


def _paint_window(canvas: Canvas, brief: SceneSpec, sill: float) -> None:
    """Paint a dark room around the view: frame, one cross bar and a sill that catches light."""
    w, h, u = canvas.w, canvas.h, canvas.u
    room = mix(brief.palette.near, (0, 0, 0), 0.25)
    thick = u * 0.06
    canvas.shapes([rect(0, 0, thick, h), rect(w - thick, 0, w, h), rect(0, 0, w, thick)], room)
    bars = [w * k / canvas.across(2) for k in range(1, canvas.across(2))]
    frame = mix(room, brief.palette.sky[2], 0.16)
    canvas.shapes([rect(x - u * 0.009, 0, x + u * 0.009, sill) for x in bars], frame)
    canvas.shape(rect(thick, h * 0.3, w - thick, h * 0.3 + u * 0.014), frame)
    for x0, x1 in ((thick, thick + u * 0.012), (w - thick - u * 0.012, w - thick)):
        canvas.shape(rect(x0, thick, x1, sill), frame)
    canvas.shape(
        rect(0, sill, w, h),
        gradient(
            (8, 64),
            [mix(room, brief.palette.sky[3], 0.42), mix(room, brief.palette.sky[2], 0.1), room],
        ),
    )
    canvas.shape(
        rect(0, sill, w, sill + u * 0.006), mix(brief.palette.sky[3], brief.palette.light, 0.5), 0.6
    )


def _paint_wall(canvas: Canvas, brief: SceneSpec, top: float) -> None:
    """Paint an old wall along the lower edge."""
    rng, u = canvas.rng, canvas.u
    stone = mix(brief.palette.near, brief.palette.far, 0.1)
    canvas.shape(
        rect(0, top, canvas.w, canvas.h),
        gradient((8, 64), [mix(stone, brief.palette.light, 0.1), stone, brief.palette.near]),
    )
    joints = [rect(0, top + u * k, canvas.w, top + u * (k + 0.003)) for k in (0.042, 0.088)]
    for k in (0.0, 0.044, 0.09):
        joints += [
            rect(x * canvas.w, top + u * k, x * canvas.w + u * 0.003, top + u * (k + 0.044))
            for x in (rng.random() for _ in range(canvas.across(7)))
        ]
    canvas.shapes(joints, brief.palette.near, 0.6)
    canvas.shape(rect(0, top, canvas.w, top + u * 0.005), mix(brief.palette.light, stone, 0.4), 0.7)


def _paint_plant(canvas: Canvas, brief: SceneSpec, foot: Point, size: float) -> None:
    """Paint a potted plant beside the cat."""
    rng = canvas.rng
    x, y = foot
    green = mix(brief.palette.near, brief.palette.leaf[0], 0.3)
    pot = mix(brief.palette.near, brief.palette.accent, 0.42)
    leaves = [
        leaf(
            (x, y - size * 0.75),
            rng.uniform(-2.8, -0.34),
            size * rng.uniform(0.9, 1.7),
            size * 0.42,
        )
        for _ in range(13)
    ]
    canvas.shapes(leaves, green)
    canvas.shapes(leaves[::3], mix(green, brief.palette.sky[3], 0.25), 0.7)
    canvas.shape(
        [
            (x - size * 0.46, y - size * 0.8),
            (x + size * 0.46, y - size * 0.8),
            (x + size * 0.32, y),
            (x - size * 0.32, y),
        ],
        pot,
    )
    canvas.shape(
        rect(x - size * 0.5, y - size * 0.86, x + size * 0.5, y - size * 0.68),
        mix(pot, brief.palette.light, 0.12),
    )


def _paint_figure(canvas: Canvas, brief: SceneSpec, foot: Point, tall: float) -> None:
    """Paint the silhouette, with a rim of light along its upper edges."""
    rng, u = canvas.rng, canvas.u
    outlines = [placed(o, foot, tall, flip=foot[0] > canvas.w / 2) for o in rng.choice(CATS)()]
    canvas.glow(
        (foot[0], foot[1] - tall * 0.6),
        tall * 1.1,
        mix(brief.palette.light, brief.palette.sky[3], 0.5),
        0.22,
    )
    mask = canvas.mask(outlines)
    ink = mix(brief.palette.near, (0, 0, 0), 0.35)
    canvas.lay(mask, ink)
    step = max(1, round(u * 0.005))
    rim = ImageChops.subtract(
        mask, ImageChops.offset(mask, -step if foot[0] < canvas.w / 2 else step, step)
    )
    canvas.lay(rim, mix(brief.palette.light, WHITE, 0.1), 0.55)
