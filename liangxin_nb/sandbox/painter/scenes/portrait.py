"""A portrait: a head in profile that holds a landscape, on plain paper."""

from __future__ import annotations

import math

from PIL import Image

from liangxin_nb.sandbox.painter._colour import Rgb, mix, scaled
from liangxin_nb.sandbox.painter._noise import field, shaped
from liangxin_nb.sandbox.painter._shapes import disc, placed, stroke
from liangxin_nb.sandbox.painter.busts import bust
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade, gradient
from liangxin_nb.sandbox.painter.flora import leaf
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec


def paint_portrait(canvas: Canvas, brief: SceneSpec) -> None:
    """Keep the view already on the canvas only within a head and shoulders."""
    rng = canvas.rng
    view = canvas.image.copy()
    paper = scaled(mix(brief.palette.sky[3], brief.palette.light, 0.4), 0.2 if brief.dark else 0.87)
    _paint_paper(canvas, brief, paper)
    flip = rng.random() < 0.5
    tall = min(canvas.w * 1.22, canvas.h * rng.uniform(0.8, 0.87))
    foot = canvas.w * (0.5 + (0.03 if flip else -0.03)), canvas.h + canvas.u * 0.01
    heart = foot[0], foot[1] - tall * 0.66
    ring = min(tall * 0.42, canvas.w * 0.4)
    canvas.shape(disc(heart, ring, sides=160), mix(paper, brief.palette.accent, 0.75))
    _paint_sprigs(canvas, brief, heart, ring)
    _paint_head(canvas, brief, [placed(o, foot, tall, flip) for o in bust(rng)], view)


def _paint_paper(canvas: Canvas, brief: SceneSpec, paper: Rgb) -> None:
    canvas.backdrop(
        [mix(paper, brief.palette.sky[3], 0.15), paper, mix(paper, brief.palette.far, 0.2)]
    )
    fibre = field(canvas.rng, (canvas.w, canvas.h), (9 * canvas.ratio, 9), 5)
    canvas.lay(shaped(fibre, lambda v: (v - 0.5) * 0.4), brief.palette.far, 0.6)


def _paint_sprigs(canvas: Canvas, brief: SceneSpec, heart: Point, ring: float) -> None:
    """Paint leafy twigs that follow the rim of the disc behind the head."""
    rng = canvas.rng
    for side in (-1, 1):
        start = math.pi / 2 - side * rng.uniform(0.5, 0.7)
        angles = [start - side * i * 0.125 for i in range(14)]
        path = [_on(heart, ring * 1.04, a) for a in angles]
        leaves = [
            leaf(spot, a - side * math.pi / 2 + turn, ring * (0.27 - 0.011 * i), ring * 0.085)
            for i, (spot, a) in enumerate(zip(path, angles, strict=True))
            for turn in (-0.75, 0.75)
        ]
        tone = mix(brief.palette.leaf[0 if side < 0 else 3], brief.palette.near, 0.25)
        canvas.shapes(leaves, tone, 0.95)
        canvas.shapes(leaves[::3], mix(tone, brief.palette.light, 0.25), 0.8)
        canvas.shape(stroke(path, [ring * 0.014, ring * 0.006]), brief.palette.near, 0.8)


def _on(heart: Point, radius: float, angle: float) -> Point:
    return heart[0] + radius * math.cos(angle), heart[1] + radius * math.sin(angle)


def _paint_head(
    canvas: Canvas, brief: SceneSpec, outlines: list[list[Point]], view: Image.Image
) -> None:
    """Paint the silhouette filled with the view, dark at the shoulders."""
    mask = canvas.mask(outlines)
    size = canvas.image.size
    left, top, right, low = mask.getbbox() or (0, 0, *size)
    # The whole view is fitted to the head, so that sky fills the brow and land the shoulders.
    span = max(right - left, round((low - top) * canvas.ratio * 0.9))
    fitted = view.resize((span, round(span / canvas.ratio)), Image.Resampling.LANCZOS)
    inside = gradient(size, [brief.palette.sky[0], brief.palette.near])
    inside.paste(fitted, (round((left + right - span) / 2), top))
    ink = Image.new("RGB", size, brief.palette.near)
    inside = Image.composite(ink, inside, fade(size, lambda t: (t - 0.72) * 3.2))
    canvas.lay(mask, Image.blend(inside, ink, 0.1 if brief.dark else 0.26))
