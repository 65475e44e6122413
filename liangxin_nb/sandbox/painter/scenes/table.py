"""A table by a window: the wall, the light on it, and the shadows of things."""

from __future__ import annotations

from PIL import ImageFilter

from liangxin_nb.sandbox.painter._colour import Rgb, mix, tinted
from liangxin_nb.sandbox.painter._noise import field, shaped
from liangxin_nb.sandbox.painter._shapes import disc
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec


class Table:
    """Position of the table and direction of the light (``side`` -1 is left)."""

    def __init__(self, canvas: Canvas, brief: SceneSpec) -> None:
        self.edge: float = canvas.h - canvas.u * canvas.rng.uniform(0.3, 0.36)
        self.side: int = canvas.rng.choice((-1, 1))
        self.shadow: Rgb = mix(brief.palette.near, brief.palette.sky[0], 0.2)


def paint_room(canvas: Canvas, brief: SceneSpec, table: Table) -> None:
    """Paint a plastered wall with window light, and the table's wood."""
    rng = canvas.rng
    wall = mix(brief.palette.sky[2], brief.palette.far, 0.4)
    if brief.dark:
        wall = mix(brief.palette.sky[2], brief.palette.far, 0.5)
    canvas.backdrop([mix(wall, brief.palette.near, 0.4), wall, mix(wall, brief.palette.near, 0.25)])
    plaster = field(rng, (canvas.w, canvas.h), (4 * canvas.ratio, 4), 6)
    canvas.lay(shaped(plaster, lambda v: (v - 0.45) * 0.5), brief.palette.light, 0.4)
    _paint_window_light(canvas, brief, table)
    _paint_wood(canvas, brief, round(table.edge))


def _paint_wood(canvas: Canvas, brief: SceneSpec, top: int) -> None:
    """Paint the table from its far edge (px) down, with grain and a lit rim."""
    rng, u = canvas.rng, canvas.u
    wood = tinted(mix(brief.palette.near, brief.palette.accent, 0.42), (150, 92, 58), 0.4)
    canvas.image.paste(
        gradient(
            (canvas.w, canvas.h - top),
            [mix(wood, brief.palette.light, 0.34), wood, mix(wood, brief.palette.near, 0.55)],
        ),
        (0, top),
    )
    grain = field(rng, (canvas.w, canvas.h - top), (1.5 * canvas.ratio, 26), 4)
    canvas.stamp(
        shaped(grain, lambda v: (v - 0.5) * 0.7),
        (0, top, canvas.w, canvas.h),
        brief.palette.near,
        0.5,
    )
    canvas.shape(
        [(0, top), (canvas.w, top), (canvas.w, top + u * 0.004), (0, top + u * 0.004)],
        brief.palette.light,
        0.35,
    )


def _paint_window_light(canvas: Canvas, brief: SceneSpec, table: Table) -> None:
    """Paint the slanting shape of a window on the wall."""
    rng, u = canvas.rng, canvas.u
    x, y = (
        canvas.w / 2 - table.side * u * rng.uniform(-0.1, 0.12),
        table.edge - u * rng.uniform(0.66, 0.72),
    )
    panes = []
    for column in range(2):
        for row in range(2):
            left, top = x + (column - 1) * u * 0.22, y + row * u * 0.25
            slant = -table.side * u * 0.13
            panes.append(
                [
                    (left, top),
                    (left + u * 0.2, top),
                    (left + u * 0.2 + slant, top + u * 0.22),
                    (left + slant, top + u * 0.22),
                ]
            )
            panes[-1] = [(px + slant * row * 1.1, py) for px, py in panes[-1]]
    mask = canvas.mask(panes).filter(ImageFilter.GaussianBlur(u * 0.006))
    canvas.lay(
        mask, mix(brief.palette.light, brief.palette.sky[3], 0.3), 0.5 if not brief.dark else 0.28
    )
    canvas.glow((canvas.w / 2 + table.side * u * 0.6, 0), u * 1.2, brief.palette.light, 0.28)


def paint_shadow(canvas: Canvas, table: Table, foot: Point, wide: float) -> None:
    """Paint a soft shadow on the table, away from the light."""
    x, y = foot
    away = -table.side * wide
    for reach, strength in ((1.0, 0.3), (0.6, 0.35)):
        pool = disc(
            (x + away * 0.9 * reach, y), wide * (0.6 + 0.9 * reach), wide * 0.17 * (0.7 + reach)
        )
        canvas.shape(pool, table.shadow, strength)
    canvas.shape(disc((x, y), wide * 1.04, wide * 0.15), table.shadow, 0.55)
