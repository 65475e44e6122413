"""Seeded value noise, in one dimension (ridges) and two (clouds, paper, rock)."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

from liangxin_nb.sandbox.painter.canvas import SMOOTH

FIELD = 512  # longest side, px, at which noise is mixed before it is enlarged


def field(
    rng: random.Random, size: tuple[int, int], cells: tuple[float, float], octaves: int = 4
) -> Image.Image:
    """Return fractal noise as a greyscale picture, stretched to use the whole 0..255 range.

    ``cells`` counts the coarsest lumps across and down; each octave doubles them at half weight.
    """
    # Independent: the number of values depends on rounded sizes.
    rng = random.Random(rng.getrandbits(64))  # noqa: S311 not used for secrets
    shrink = min(1.0, FIELD / max(size))
    small = max(8, round(size[0] * shrink)), max(8, round(size[1] * shrink))
    total = _octave(rng, small, cells, 0)
    for step in range(1, octaves):
        total = Image.blend(total, _octave(rng, small, cells, step), 1 / (2**step + 1))
    return ImageOps.autocontrast(total, cutoff=1).resize(size, SMOOTH)


def _octave(
    rng: random.Random, size: tuple[int, int], cells: tuple[float, float], step: int
) -> Image.Image:
    across, down = (max(2, round(c * 2**step)) + 3 for c in cells)
    grid = Image.frombytes("L", (across, down), rng.randbytes(across * down))
    # A random sub-cell start keeps the grids of all octaves from lining up.
    left, top = rng.random(), rng.random()
    return grid.resize(size, SMOOTH, box=(left, top, across - 2 + left, down - 2 + top))


def shaped(noise: Image.Image, curve: Callable[[float], float]) -> Image.Image:
    """Pass noise through a curve from 0..1 to 0..1."""
    return noise.point([round(255 * min(1.0, max(0.0, curve(i / 255)))) for i in range(256)])


def threshold(noise: Image.Image, level: float, softness: float) -> Image.Image:
    """Return a soft mask of the places where the noise exceeds a level (both 0..1)."""
    return shaped(noise, lambda v: (v - level) / max(softness, 0.01))


def ridged(noise: Image.Image) -> Image.Image:
    """Fold noise into sharp crests, as in rock and folded cloth."""
    return shaped(noise, lambda v: 1 - abs(2 * v - 1))


def relief(noise: Image.Image, shift: tuple[int, int], gain: float = 2.0) -> Image.Image:
    """Return side light on noise seen as a height field; 128 is flat, brighter faces the light."""
    moved = ImageChops.offset(noise, *shift)
    return ImageChops.subtract(noise, moved, scale=1 / gain, offset=128)


def profile(
    rng: random.Random, points: int, lumps: float, octaves: int = 5, gain: float = 0.5
) -> list[float]:
    """Return a rough line of ``points`` heights in 0..1 with about ``lumps`` hills on it."""
    line = [0.0] * points
    weight = 1.0
    for step in range(octaves):
        knots = [rng.random() for _ in range(int(lumps * 2**step) + 4)]
        start = rng.random()
        for i in range(points):
            line[i] += weight * _at(knots, start + i / max(1, points - 1) * lumps * 2**step)
        weight *= gain
    low, high = min(line), max(line)
    return [(v - low) / max(high - low, 1e-6) for v in line]


def _at(knots: list[float], place: float) -> float:
    i = int(place)
    t = place - i
    t = t * t * (3 - 2 * t)
    return knots[i] + (knots[i + 1] - knots[i]) * t
