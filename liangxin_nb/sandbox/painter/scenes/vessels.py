"""Vessels turned on a wheel: bottle, vase, jug, cup and bowl."""

from __future__ import annotations

from PIL import Image

from liangxin_nb.sandbox.painter._colour import WHITE, Rgb, mix, tinted
from liangxin_nb.sandbox.painter._shapes import curve, disc, outline, placed, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.scenes.table import Table, paint_shadow

CLAY: tuple[Rgb, ...] = (
    (214, 205, 190),
    (92, 124, 138),
    (176, 110, 84),
    (110, 128, 108),
    (58, 70, 92),
)
# Half outlines: (radius, height) from the foot up, in units of the vessel's height.
VESSELS: dict[str, list[Point]] = {
    "bottle": outline("0.15,0 0.17,0.04 0.17,0.5 0.15,0.6 0.065,0.7 0.055,0.96 0.07,1"),
    "vase": outline("0.14,0 0.16,0.03 0.29,0.3 0.3,0.48 0.2,0.72 0.11,0.86 0.13,1"),
    "jug": outline("0.2,0 0.24,0.04 0.32,0.3 0.3,0.55 0.19,0.8 0.2,1"),
    "cup": outline("0.32,0 0.38,0.06 0.47,0.5 0.5,1"),
    "bowl": outline("0.5,0 0.56,0.08 0.95,0.5 1.18,1"),
}
HANDLE = outline("0.44,-0.8 0.75,-0.78 0.72,-0.35 0.42,-0.25")


def paint_vessel(
    canvas: Canvas, brief: SceneSpec, table: Table, kind: str, foot: Point, tall: float
) -> None:
    """Paint one vessel of a kind in ``VESSELS``, ``tall`` px high; a cup gets its handle."""
    half = curve([(r * tall, -h * tall) for r, h in VESSELS[kind]], 8)
    tone = _clay(canvas, brief)
    paint_shadow(canvas, table, foot, half[0][0] * 1.1)
    if kind == "cup":
        ear = placed(curve(HANDLE, 8), foot, tall, flip=table.side < 0)
        canvas.shape(stroke(ear, [tall * 0.1] * 2), mix(tone, brief.palette.near, 0.15))
    belly = [(foot[0] + x, foot[1] + y) for x, y in half]
    heel = half[0][0]
    base = [(foot[0] + heel * k, foot[1] + heel * 0.13 * (1 - k * k)) for k in (0.7, 0.0, -0.7)]
    other = [(2 * foot[0] - x, y) for x, y in belly]
    canvas.shape([*belly[::-1], *base, *other], _roundness(tone, brief, table.side))
    rim, top = half[-1][0], foot[1] - tall
    canvas.shape(disc((foot[0], top), rim, rim * 0.2), mix(tone, WHITE, 0.25))
    hollow = disc((foot[0], top + rim * 0.03), rim * 0.86, rim * 0.15)
    canvas.shape(hollow, mix(tone, brief.palette.near, 0.62))


def _clay(canvas: Canvas, brief: SceneSpec) -> Rgb:
    """Return a glaze that fits the palette, dimmed at night."""
    tone = mix(canvas.rng.choice(CLAY), brief.palette.accent, 0.1)
    tone = tinted(tone, brief.palette.far, 0.25)
    return mix(tone, brief.palette.near, 0.35) if brief.dark else tone


def paint_bowl_front(
    canvas: Canvas, brief: SceneSpec, table: Table, foot: Point, tall: float
) -> None:
    """Paint a bowl without its far rim, to be painted over its content."""
    half = curve([(r * tall, -h * tall) for r, h in VESSELS["bowl"]], 8)
    tone = _clay(canvas, brief)
    paint_shadow(canvas, table, foot, half[0][0] * 1.5)
    side = [(foot[0] + x, foot[1] + y) for x, y in half]
    rim = half[-1][0]
    lip = [
        (foot[0] - rim * k, foot[1] - tall + rim * 0.16 * (1 - k * k) ** 0.5)
        for k in (-1, -0.9, -0.7, -0.4, 0, 0.4, 0.7, 0.9, 1)
    ]
    canvas.shape(
        [*side, *lip, *[(2 * foot[0] - x, y) for x, y in side[::-1]]],
        _roundness(tone, brief, table.side),
    )
    canvas.shape(stroke(lip, [tall * 0.02, tall * 0.07, tall * 0.02]), mix(tone, WHITE, 0.4))


def _roundness(tone: Rgb, brief: SceneSpec, side: int) -> Image.Image:
    """Return shading across a turned vessel: light, core shadow, a little bounced light."""
    dark = mix(tone, brief.palette.near, 0.72)
    stops = [
        mix(tone, WHITE, 0.1),
        mix(tone, WHITE, 0.36),
        tone,
        mix(tone, dark, 0.55),
        dark,
        mix(dark, tone, 0.22),
    ]
    strip = gradient((8, 256), stops if side < 0 else stops[::-1])
    return strip.transpose(Image.Transpose.ROTATE_90)
