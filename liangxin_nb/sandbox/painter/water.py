"""Water: a mirrored or open surface with glints and swell."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from liangxin_nb.sandbox.painter._colour import Rgb, mix
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade, gradient
from liangxin_nb.sandbox.painter.props import lens
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec


def paint_water(canvas: Canvas, brief: SceneSpec, level: float) -> None:
    """Paint open water from ``level`` (px) to the lower edge, darker towards the viewer."""
    sky, near = brief.palette.sky, brief.palette.near
    deep = mix(sky[0], near, 0.45)
    stops = [mix(sky[3], sky[1], 0.38), mix(sky[1], deep, 0.25), mix(sky[1], deep, 0.7), deep]
    top = round(level)
    canvas.image.paste(gradient((canvas.w, canvas.h - top), stops), (0, top))


def paint_swell(canvas: Canvas, level: float, tone: Rgb, strength: float, count: float) -> None:
    """Lay flat wavelets over the water, larger and farther apart towards the viewer."""
    rng = canvas.rng
    waves = []
    for _ in range(canvas.across(count)):
        t = rng.random() ** 1.6
        y = level + (canvas.h - level) * (0.01 + 0.99 * t)
        half = canvas.u * (0.008 + 0.075 * t) * rng.uniform(0.4, 1.3)
        waves.append(lens((rng.random() * canvas.w, y), half, canvas.u * (0.0005 + 0.0042 * t)))
    canvas.shapes(waves, tone, strength)


def paint_glitter(canvas: Canvas, brief: SceneSpec, level: float, at: Point) -> None:
    """Paint the path of light that sun or moon lay on water."""
    rng, u = canvas.rng, canvas.u
    tone = mix(brief.palette.light, brief.palette.sky[3], 0.15)
    for strength, width in ((0.28, 0.11), (0.75, 0.05)):
        glints = []
        for _ in range(190):
            t = rng.random() ** 1.25
            x = at[0] + rng.gauss(0, u * (width * 0.55 + width * 1.1 * t))
            half = u * (0.006 + 0.036 * t) * rng.uniform(0.3, 1.2)
            y = level + (canvas.h - level) * (0.004 + 0.92 * t)
            glints.append(lens((x, y), half, u * (0.0006 + 0.003 * t)))
        canvas.shapes(glints, tone, strength * (0.7 if brief.dark else 1))
    canvas.glow((at[0], level), u * 0.3, tone, 0.22)


def mirror(canvas: Canvas, brief: SceneSpec, level: float, calm: float) -> None:
    """Reflect what stands above ``level`` (px) in still water; ``calm`` 0..1 quiets the ripples."""
    top = round(level)
    size = canvas.w, canvas.h - top
    above = canvas.image.crop((0, max(0, top - round(size[1] * 1.12)), canvas.w, top))
    flipped = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize(size)
    flipped = flipped.filter(ImageFilter.GaussianBlur(canvas.u * 0.0016))
    flipped = _rippled(canvas, flipped, canvas.u * 0.012 * (1 - calm))
    deep = Image.new("RGB", size, mix(brief.palette.sky[0], brief.palette.near, 0.4))
    shade = fade(size, lambda t: 0.14 + 0.42 * t)
    canvas.image.paste(Image.composite(deep, flipped, shade), (0, top))


def _rippled(canvas: Canvas, image: Image.Image, reach: float) -> Image.Image:
    """Shift thin rows sideways, more towards the viewer."""
    rng = canvas.rng
    out = image.copy()
    rows = 150
    drift = 0.0
    for i in range(rows):
        y0, y1 = round(image.height * i / rows), round(image.height * (i + 1) / rows)
        drift = drift * 0.55 + rng.uniform(-1, 1) * reach * (0.25 + 1.5 * i / rows)
        if y1 > y0:
            row = image.crop((0, y0, image.width, y1))
            out.paste(ImageChops.offset(row, round(drift), 0), (0, y0))
    return out
