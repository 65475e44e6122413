"""Ridges and ranges of land that recede into mist."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import ImageChops

from liangxin_nb.sandbox.painter._colour import Rgb, mix
from liangxin_nb.sandbox.painter._noise import profile
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec


def ridge_line(
    canvas: Canvas, base: float, height: float, lumps: float, rough: float, power: float = 1.25
) -> list[Point]:
    """Return a ridge across the canvas: feet at ``base`` px, highest peak ``height`` px above.

    ``lumps`` counts hills on a square canvas, ``rough`` (0..1) the strength of finer detail.
    """
    points = canvas.across(150)
    heights = profile(canvas.rng, points, lumps * canvas.wide, 6, rough)
    step = canvas.w / (points - 1)
    return [(i * step, base - height * v**power) for i, v in enumerate(heights)]


def parted(canvas: Canvas, line: Sequence[Point], base: float, at: Point) -> list[Point]:
    """Lower a ridge under the sun or moon, so that a valley opens below the light."""
    reach = 0.36 * canvas.w
    out = []
    for x, y in line:
        t = min(1.0, abs(x - at[0]) / reach)
        out.append((x, base - (base - y) * (0.3 + 0.7 * t * t * (3 - 2 * t))))
    return out


def body(canvas: Canvas, line: Sequence[Point]) -> list[Point]:
    """Return the land under a ridge, down to the canvas's lower edge."""
    return [*line, (canvas.w, canvas.h), (0, canvas.h)]


def paint_range(
    canvas: Canvas, brief: SceneSpec, line: Sequence[Point], depth: float, from_left: bool
) -> None:
    """Fill the land below a ridge, light its rock from one side and sink its feet into mist.

    ``depth`` runs from 0 (farthest) to 1 (nearest).
    """
    colour = brief.palette.depth(0.1 + 0.82 * depth**1.15)
    mist = mix(colour, brief.palette.sky[3], 0.66 - 0.5 * depth)
    paint = gradient((8, 256), [colour, mix(colour, mist, 0.55), mist, mist])
    canvas.shape(body(canvas, line), paint)
    lit = mix(colour, brief.palette.light, 0.5 - 0.34 * depth)
    dark = mix(colour, brief.palette.near, 0.3)
    paint_rock(canvas, line, max(y for _, y in line), (lit, dark), from_left)


def paint_rock(
    canvas: Canvas,
    line: Sequence[Point],
    foot: float,
    tones: tuple[Rgb, Rgb],
    from_left: bool,
    strength: float = 0.8,
) -> None:
    """Lay facets of light and shade (``tones``) below a ridge, fading out towards ``foot`` px."""
    top = min(y for _, y in line)
    if foot - top < canvas.u * 0.004:
        return
    size = canvas.w, max(1, round(foot) - max(0, round(top)))
    soft = fade(size, lambda t: strength * (1 - t) ** 0.7)
    for tone, lit in zip(tones, (True, False), strict=True):
        teeth = _facets(canvas, line, foot, lit == from_left)
        cut = canvas.mask(teeth).crop((0, round(foot) - size[1], canvas.w, round(foot)))
        canvas.stamp(
            ImageChops.multiply(cut, soft),
            (0, round(foot) - size[1], canvas.w, round(foot)),
            tone,
        )


def _facets(
    canvas: Canvas, line: Sequence[Point], foot: float, facing_left: bool
) -> list[list[Point]]:
    """Return long teeth that hang from the slopes of a ridge which face one way."""
    rng = canvas.spare()
    way = -1 if facing_left else 1
    out: list[list[Point]] = []
    i = 0
    while i < len(line) - 2:
        k = min(len(line) - 1 - i, rng.randint(2, 5))
        (x0, y0), (x1, y1) = line[i], line[i + k]
        if (y1 - y0) * way > 0:
            reach = (foot - min(y0, y1)) * rng.uniform(0.25, 0.95)
            tip = (x0 + x1) / 2 + way * reach * rng.uniform(0.1, 0.45), max(y0, y1) + reach * 0.8
            knee = (x0 + x1) / 2 + way * reach * 0.02, max(y0, y1) + reach * 0.3
            out.append([*line[i : i + k + 1], tip, knee])
        i += k
    return out
