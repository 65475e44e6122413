"""Skies: gradient, sun or moon, stars and clouds."""

from __future__ import annotations

from PIL import Image

from liangxin_nb.sandbox.painter._colour import BLACK, WHITE, Rgb, mix
from liangxin_nb.sandbox.painter._noise import field, relief, shaped, threshold
from liangxin_nb.sandbox.painter._shapes import disc
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec

VEILED = ("overcast", "fog", "storm", "snowfall")


def paint_sky(canvas: Canvas, brief: SceneSpec, horizon: float = 0.7, sink: float = 1.0) -> Point:
    """Paint the sky and return the position of the light.

    ``horizon`` is a fraction of the height: the palette's last sky colour is reached there.
    ``sink`` below 1 keeps the light above tall objects.
    """
    canvas.backdrop(brief.palette.sky[-1:] * 2)
    band = gradient((canvas.w, round(canvas.h * horizon)), brief.palette.sky)
    canvas.image.paste(band, (0, 0))
    at = canvas.focus = _light_place(canvas, brief, horizon * sink)
    if brief.dark:
        paint_stars(canvas, horizon)
    _paint_glow(canvas, brief, at)
    _paint_clouds(canvas, brief, horizon)
    _paint_disc(canvas, brief, at)
    return at


def _light_place(canvas: Canvas, brief: SceneSpec, horizon: float) -> Point:
    rng = canvas.rng
    low, high = {"noon": (0.2, 0.4), "night": (0.18, 0.5)}.get(brief.light, (0.5, 0.86))
    # At thirds of the width, not in the middle.
    x = rng.choice((0.22, 0.3, 0.36, 0.64, 0.7, 0.78)) + rng.uniform(-0.03, 0.03)
    return canvas.w * x, canvas.h * horizon * rng.uniform(low, high)


def _paint_glow(canvas: Canvas, brief: SceneSpec, at: Point) -> None:
    light = brief.palette.light
    wide = max(canvas.w, canvas.h)
    strength = 0.22 if brief.dark else 0.42
    canvas.glow(at, wide * 0.75, mix(light, brief.palette.sky[2], 0.5), strength, 2.2)
    canvas.glow(at, canvas.u * 0.42, light, strength, 2.6)


def _paint_disc(canvas: Canvas, brief: SceneSpec, at: Point) -> None:
    veiled = brief.light in VEILED
    radius = canvas.u * canvas.rng.uniform(0.035, 0.085) * (0.8 if brief.light == "noon" else 1)
    canvas.shape(disc(at, radius), mix(brief.palette.light, WHITE, 0.25), 0.3 if veiled else 0.96)
    if brief.dark and canvas.rng.random() < 0.45:
        _bite_moon(canvas, brief, at, radius)


def _bite_moon(canvas: Canvas, brief: SceneSpec, at: Point, radius: float) -> None:
    """Turn a full moon into a crescent by covering part of it with its sky."""
    t = min(1.0, at[1] / canvas.h)
    shade = canvas.image.getpixel((int(max(0, at[0] - radius * 1.4)), int(at[1])))
    hidden: Rgb = shade if isinstance(shade, tuple) else brief.palette.sky[1]  # type: ignore[assignment]
    side = canvas.rng.choice((-1, 1))
    cover = disc((at[0] + side * radius * 0.5, at[1] - radius * 0.22), radius * 0.93)
    canvas.shape(cover, mix(hidden, brief.palette.sky[1], 0.1 * t))


def paint_stars(canvas: Canvas, reach: float, count: int = 170) -> None:
    """Scatter stars over the upper part of the canvas, thinning out towards ``reach``."""
    rng = canvas.rng
    small: list[list[Point]] = []
    large: list[list[Point]] = []
    for _ in range(round(count * canvas.long**0.7)):
        at = rng.random() * canvas.w, rng.random() ** 1.5 * canvas.h * reach
        size = rng.random() ** 3
        (large if size > 0.6 else small).append(
            disc(at, canvas.u * (0.0008 + 0.0016 * size), sides=8)
        )
    canvas.shapes(small, WHITE, 0.6)
    canvas.shapes(large, WHITE, 0.95)


def _paint_clouds(canvas: Canvas, brief: SceneSpec, horizon: float) -> None:
    rng = canvas.rng
    heavy = brief.light in ("overcast", "storm")
    cover = rng.uniform(0.34, 0.46) if heavy else rng.uniform(0.5, 0.72)
    size = canvas.w, round(canvas.h * horizon)
    stretch = rng.uniform(1.2, 2.0) * canvas.wide
    noise = field(rng, size, (stretch, rng.uniform(3.0, 5.5) * size[1] / canvas.u), 5)
    mask = threshold(noise, cover, 0.42)
    _lay_clouds(canvas, brief, noise, mask, 0.75 if heavy else 0.6)


def _lay_clouds(
    canvas: Canvas, brief: SceneSpec, noise: Image.Image, mask: Image.Image, strength: float
) -> None:
    """Lay cloud shade first, then light on the sides that face the sun."""
    sky = brief.palette.sky
    box = (0, 0, *noise.size)
    base = gradient(noise.size, [mix(sky[1], WHITE, 0.1), mix(sky[2], sky[1], 0.25), sky[3]])
    base = base if not brief.dark else Image.blend(base, Image.new("RGB", base.size, BLACK), 0.25)
    canvas.stamp(mask, box, base, strength)
    step = max(1, round(canvas.u * 0.012))
    lit = shaped(relief(noise, (0, step), 2.4), lambda v: (v - 0.52) * 3)
    lit = Image.composite(lit, Image.new("L", lit.size), mask)
    fading = fade(lit.size, lambda t: 0.25 + 0.75 * t)
    lit = Image.composite(lit, Image.new("L", lit.size), fading)
    canvas.stamp(lit, box, mix(brief.palette.light, sky[3], 0.3), 0.28 if brief.dark else 0.6)
