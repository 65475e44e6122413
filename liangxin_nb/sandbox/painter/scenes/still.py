"""A still life: vessels and fruit on a table, in light from a window."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

from liangxin_nb.sandbox.painter._colour import WHITE, Rgb, mix, tinted
from liangxin_nb.sandbox.painter._shapes import blob, curve, stroke
from liangxin_nb.sandbox.painter.canvas import SMOOTH, Canvas, Point
from liangxin_nb.sandbox.painter.flora import leaf
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.scenes.table import Table, paint_room, paint_shadow
from liangxin_nb.sandbox.painter.scenes.vessels import paint_bowl_front, paint_vessel

FRUIT: tuple[Rgb, ...] = (
    (206, 66, 52),
    (232, 140, 52),
    (236, 190, 76),
    (150, 164, 70),
    (120, 58, 92),
    (226, 150, 120),
)


def paint_still(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a wall, a table and a group of five to eight things on it."""
    rng = canvas.rng
    table = Table(canvas, brief)
    paint_room(canvas, brief, table)
    centre = canvas.w * rng.uniform(0.44, 0.56)
    spread = canvas.u * 0.25
    tall = rng.choice(("bottle", "vase", "bottle", "jug"))
    back = centre + table.side * spread * rng.uniform(0.5, 0.9), table.edge + canvas.u * 0.035
    size = canvas.u * rng.uniform(0.3, 0.41)
    paint_vessel(canvas, brief, table, tall, back, size)
    if tall != "bottle":
        _paint_branch(canvas, brief, (back[0], back[1] - size))
    bowl = centre - table.side * spread * rng.uniform(0.25, 0.55), table.edge + canvas.u * 0.09
    _paint_bowl(canvas, brief, table, bowl)
    cup = centre + table.side * spread * 1.25, table.edge + canvas.u * 0.13
    paint_vessel(canvas, brief, table, "cup", cup, canvas.u * 0.105)
    for _ in range(rng.randint(2, 4)):
        x = centre + rng.uniform(-1.3, 0.9) * spread
        _paint_fruit(
            canvas,
            brief,
            table,
            (x, table.edge + canvas.u * rng.uniform(0.16, 0.21)),
            canvas.u * rng.uniform(0.045, 0.06),
        )


def _paint_bowl(canvas: Canvas, brief: SceneSpec, table: Table, foot: Point) -> None:
    """Paint a bowl heaped with fruit: back fruit first, then the bowl's front."""
    rng, u = canvas.rng, canvas.u
    tall = u * 0.115
    hue = rng.sample(FRUIT, 2)
    y = foot[1] - tall
    for k, lift in ((-0.75, 0.3), (0.75, 0.3), (-0.3, 0.62), (0.35, 0.6), (0.0, 0.2)):
        spot = foot[0] + k * tall, y - lift * tall * rng.uniform(0.7, 1.1)
        _paint_ball(canvas, brief, table, spot, u * rng.uniform(0.05, 0.06), hue[rng.randrange(2)])
    paint_bowl_front(canvas, brief, table, foot, tall)


def _paint_fruit(
    canvas: Canvas, brief: SceneSpec, table: Table, foot: Point, radius: float
) -> None:
    """Paint one loose fruit that lies on the table."""
    paint_shadow(canvas, table, foot, radius * 0.9)
    _paint_ball(
        canvas, brief, table, (foot[0], foot[1] - radius * 0.9), radius, canvas.rng.choice(FRUIT)
    )


def _paint_ball(
    canvas: Canvas, brief: SceneSpec, table: Table, at: Point, radius: float, hue: Rgb
) -> None:
    """Paint a round fruit with a stalk and, sometimes, a leaf."""
    rng = canvas.rng
    shade = mix(hue, brief.palette.near, 0.35)
    tone = shade if brief.dark else tinted(hue, brief.palette.light, 0.12)
    if brief.palette.tinted:
        tone = tinted(tone, brief.palette.accent, 0.7)
    canvas.shape(blob(rng, at, radius, 0.07), _ball(tone, brief, table.side))
    stalk = [(at[0], at[1] - radius * 0.8), (at[0] + radius * 0.12, at[1] - radius * 1.22)]
    bark = mix(brief.palette.near, (90, 60, 30), 0.4)
    canvas.shape(stroke(stalk, [radius * 0.1, radius * 0.08]), bark)
    if rng.random() < 0.5:
        green = leaf(stalk[0], rng.choice((-0.5, -2.6)), radius * 0.85, radius * 0.34)
        canvas.shape(green, mix(brief.palette.leaf[3], brief.palette.near, 0.3))


def _ball(tone: Rgb, brief: SceneSpec, side: int, px: int = 128) -> Image.Image:
    """Return shading on a round skin: a soft highlight towards the light, a dark far edge."""
    glow = Image.radial_gradient("L").resize((px * 2, px * 2), SMOOTH)
    left, top = round(px * (0.5 - side * 0.24)), round(px * 0.74)
    light = ImageChops.invert(glow.crop((left, top, left + px, top + px)))
    dark, bright = mix(tone, brief.palette.near, 0.8), mix(tone, WHITE, 0.55)
    return ImageOps.colorize(light, dark, bright, mid=tone, blackpoint=70, midpoint=165)


def _paint_branch(canvas: Canvas, brief: SceneSpec, foot: Point) -> None:
    """Paint twigs with leaves or blossom that rise out of a vase."""
    rng, u = canvas.rng, canvas.u
    grow: Callable[[float, float], float] = rng.uniform
    for lean in (-0.16, 0.02, 0.2):
        tip = foot[0] + (lean + grow(-0.05, 0.05)) * u, foot[1] - u * grow(0.17, 0.3)
        path = curve(
            [
                (foot[0], foot[1] + u * 0.05),
                ((foot[0] + tip[0]) / 2 + lean * u * 0.1, (foot[1] + tip[1]) / 2),
                tip,
            ],
            7,
        )
        canvas.shape(
            stroke(path, [u * 0.006, u * 0.003]), mix(brief.palette.near, (90, 60, 30), 0.3)
        )
        tone = mix(brief.palette.leaf[rng.randrange(4)], brief.palette.near, 0.15)
        leaves = [
            leaf(p, grow(-3.0, -0.1), u * grow(0.03, 0.055), u * 0.02)
            for p in path[3:]
            for _ in range(2)
        ]
        canvas.shapes(leaves, tone)
        canvas.shapes(leaves[::2], mix(tone, brief.palette.light, 0.3), 0.7)
