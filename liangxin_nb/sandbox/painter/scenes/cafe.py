"""A café street in the evening: a lit terrace, an awning and wet stones."""

from __future__ import annotations

from PIL import Image, ImageFilter

from liangxin_nb.sandbox.painter._colour import mix
from liangxin_nb.sandbox.painter._shapes import curve, disc, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, fade
from liangxin_nb.sandbox.painter.props import lamp_dots
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.scenes.houses import paint_end, paint_houses
from liangxin_nb.sandbox.painter.scenes.street import FAR, LAMP, Street
from liangxin_nb.sandbox.painter.scenes.terrace import paint_front, paint_terrace
from liangxin_nb.sandbox.painter.sky import paint_sky


def paint_cafe(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint a narrow street with a café on one side and dark houses on the other."""
    street = Street(canvas)
    paint_sky(canvas, brief, 0.62, 0.7)
    paint_end(canvas, brief, street)
    paint_houses(canvas, brief, street)
    paint_front(canvas, brief, street)
    _paint_ground(canvas, brief, street)
    paint_terrace(canvas, brief, street)
    _paint_strings(canvas, brief, street)


def _paint_ground(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Cobbles that hold a blurred reflection of everything above."""
    top = round(street.at(0, 0, FAR)[1])
    size = canvas.w, canvas.h - top
    stone = mix(mix(brief.palette.near, brief.palette.sky[1], 0.35), brief.palette.far, 0.15)
    above = canvas.image.crop((0, max(0, top - size[1]), canvas.w, top))
    above = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    # Squeezed flat and stretched again: wet stone draws lights out downwards.
    small = above.resize((max(2, size[0] // 3), max(2, size[1] // 24)))
    shine = small.filter(ImageFilter.GaussianBlur(2)).resize(size, Image.Resampling.BICUBIC)
    dry = Image.new("RGB", size, stone)
    wet = Image.composite(shine, dry, fade(size, lambda t: 0.72 - 0.36 * t))
    floor = [street.at(x, 0, d) for x, d in ((-1, FAR), (1, FAR), (1, 2.0), (-1, 2.0))]
    cut = canvas.mask([floor]).crop((0, top, canvas.w, canvas.h))
    canvas.stamp(cut, (0, top, canvas.w, canvas.h), wet)
    _paint_cobbles(canvas, brief, street)
    canvas.glow(street.at(street.side * 0.6, 0, 0.6), canvas.u * 0.5, LAMP, 0.34)


def _paint_cobbles(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Paint rows of flat stones: a dark joint below each, a warm edge on every second one."""
    stones = []
    for row in range(34):
        depth = FAR * 1.085**row
        for k in range(-11, 12):
            spot = street.at((k + (row % 2) * 0.5) / 11, 0, depth)
            stones.append(disc(spot, street.half * depth / 26, street.drop * depth * 0.018, 14))
    warm = mix(LAMP, brief.palette.sky[2], 0.35)
    canvas.shapes(stones, brief.palette.near, 0.2)
    lift = canvas.u * 0.0025
    canvas.shapes([[(x, y - lift) for x, y in stone] for stone in stones[::2]], warm, 0.1)


def _paint_strings(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Paint strings of bulbs across the street."""
    rng = canvas.rng
    for depth, bulbs in ((0.3, 9), (0.46, 11), (0.74, 13)):
        a, b = (
            street.at(-1, rng.uniform(0.6, 0.68), depth),
            street.at(1, rng.uniform(0.52, 0.66), depth),
        )
        sag = canvas.u * 0.1 * depth
        line = curve([a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + sag), b], bulbs)
        canvas.shape(stroke(line, [canvas.u * 0.0016] * 2), brief.palette.near, 0.7)
        lamp_dots(canvas, line[1:-1:2], canvas.u * 0.0085 * depth + canvas.u * 0.001, LAMP)
