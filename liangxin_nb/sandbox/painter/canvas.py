"""Canvas of all scenes: antialiased shapes, gradients and glows.

Lengths given to a canvas are pixels.  Scenes measure in ``u`` (the short side) and in fractions
of ``w`` and ``h``, so that one seed gives one composition at every size of the same ratio.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from liangxin_nb.sandbox.painter._colour import Rgb, along

Point = tuple[float, float]
Shape = Sequence[Point]
Paint = Rgb | Image.Image
Box = tuple[int, int, int, int]

SMOOTH = Image.Resampling.BICUBIC
RAMP_STEPS = 256


def gradient(size: tuple[int, int], stops: Sequence[Rgb]) -> Image.Image:
    """Return a vertical gradient through evenly spaced colour stops."""
    strip = Image.new("RGB", (1, RAMP_STEPS))
    strip.putdata([along(stops, i / (RAMP_STEPS - 1)) for i in range(RAMP_STEPS)])
    return strip.resize(size, Image.Resampling.BILINEAR)


def fade(size: tuple[int, int], curve: Callable[[float], float]) -> Image.Image:
    """Return a vertical mask: ``curve`` maps 0 (top) .. 1 (bottom) to strength 0..1."""
    strip = Image.new("L", (1, RAMP_STEPS))
    values = (curve(i / (RAMP_STEPS - 1)) for i in range(RAMP_STEPS))
    strip.putdata([round(255 * min(1.0, max(0.0, v))) for v in values])
    return strip.resize(size, Image.Resampling.BILINEAR)


def dimmed(mask: Image.Image, strength: float) -> Image.Image:
    """Return a mask multiplied by a constant strength (0..1)."""
    return mask.point([round(i * strength) for i in range(256)])


def halo(power: float) -> Image.Image:
    """Return a 256 px radial mask, bright in the middle; higher power falls off faster."""
    table = [round(255 * max(0.0, 1 - i / 181) ** power) if i < 181 else 0 for i in range(256)]
    # Pillow's radial gradient reaches 181 at the middle of each edge: beyond lie the corners.
    return Image.radial_gradient("L").point(table)


class Canvas:
    """An RGB picture with a random number generator.

    Attributes:
        w: Width in pixels.
        h: Height in pixels.
        u: Short side in pixels.
        ratio: Requested width divided by height, without rounding.
        wide: Width in units of the short side.
        long: Long side in units of the short side.
        focus: Position of the light, which figures should not cover.
    """

    def __init__(self, size: tuple[int, int], rng: random.Random, ratio: float) -> None:
        self.image: Image.Image = Image.new("RGB", size)
        self.w: int = size[0]
        self.h: int = size[1]
        self.u: float = float(min(size))
        self.ratio = ratio
        self.wide: float = max(1.0, ratio)
        self.long: float = max(ratio, 1 / ratio)
        self.rng = rng
        self.focus: Point = (self.w / 2, self.h / 3)
        self.fineness = 3 if max(size) <= 640 else 2

    def backdrop(self, stops: Sequence[Rgb]) -> None:
        """Cover the whole canvas with a vertical gradient."""
        self.image.paste(gradient((self.w, self.h), stops))

    def across(self, count: float) -> int:
        """Return how many features fit the width if ``count`` fit a square."""
        return max(1, round(count * self.wide))

    def spare(self) -> random.Random:
        """Return an independent generator, for work that depends on rounded pixels."""
        return random.Random(self.rng.getrandbits(64))  # noqa: S311 not used for secrets

    def mask(self, shapes: Iterable[Shape]) -> Image.Image:
        """Return an antialiased full-size mask of some polygons."""
        k = self.fineness
        big = Image.new("L", (self.w * k, self.h * k))
        pen = ImageDraw.Draw(big)
        for shape in shapes:
            pen.polygon([(x * k, y * k) for x, y in shape], fill=255)
        return big.reduce(k)

    def shape(self, points: Shape, paint: Paint, strength: float = 1.0) -> None:
        """Fill one polygon; a picture as paint is stretched over the polygon's box."""
        self.shapes([points], paint, strength)

    def shapes(self, shapes: Sequence[Shape], paint: Paint, strength: float = 1.0) -> None:
        """Fill several polygons with one paint, touching only the pixels they cover."""
        box = self._box_of(shapes)
        if box is None:
            return
        self.stamp(self._local_mask(shapes, box), box, paint, strength)

    def stamp(self, mask: Image.Image, box: Box, paint: Paint, strength: float = 1.0) -> None:
        """Lay paint through a mask of the size of the box."""
        if strength < 1.0:
            mask = dimmed(mask, strength)
        if isinstance(paint, Image.Image):
            paint = paint if paint.size == mask.size else paint.resize(mask.size, SMOOTH)
        self.image.paste(paint, box, mask)

    def lay(self, mask: Image.Image, paint: Paint, strength: float = 1.0) -> None:
        """Lay paint through a mask that covers the canvas (it is enlarged if smaller)."""
        if mask.size != self.image.size:
            mask = mask.resize(self.image.size, SMOOTH)
        self.stamp(mask, (0, 0, self.w, self.h), paint, strength)

    def glow(
        self, at: Point, radius: float, colour: Rgb, strength: float, power: float = 2
    ) -> None:
        """Add soft light around a point (screen blend, which does not clip)."""
        box = self._clip(at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
        if box is None:
            return
        # Sampling the halo through the clipped box keeps off-canvas light cheap.
        scale = 256 / (2 * radius)
        inner = tuple((v - o + radius) * scale for v, o in zip(box, (*at, *at), strict=True))
        size = (box[2] - box[0], box[3] - box[1])
        soft = halo(power).resize(size, SMOOTH, box=_inside(inner))
        lit = Image.merge("RGB", [dimmed(soft, strength * part / 255) for part in colour])
        self.image.paste(ImageChops.screen(self.image.crop(box), lit), box)

    def soften(self, box: Box, radius: float) -> None:
        """Blur one box of the picture."""
        self.image.paste(self.image.crop(box).filter(ImageFilter.GaussianBlur(radius)), box)

    def _clip(self, x0: float, y0: float, x1: float, y1: float) -> Box | None:
        box = (max(0, int(x0)), max(0, int(y0)), min(self.w, int(x1) + 2), min(self.h, int(y1) + 2))
        return box if box[2] > box[0] and box[3] > box[1] else None

    def _box_of(self, shapes: Sequence[Shape]) -> Box | None:
        xs = [x for shape in shapes for x, _ in shape]
        ys = [y for shape in shapes for _, y in shape]
        return self._clip(min(xs), min(ys), max(xs), max(ys)) if xs else None

    def _local_mask(self, shapes: Sequence[Shape], box: Box) -> Image.Image:
        k = self.fineness
        left, top = box[0], box[1]
        big = Image.new("L", ((box[2] - left) * k, (box[3] - top) * k))
        pen = ImageDraw.Draw(big)
        for shape in shapes:
            pen.polygon([((x - left) * k, (y - top) * k) for x, y in shape], fill=255)
        return big.reduce(k)


def _inside(box: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Keep a resize box within the 256 px halo in spite of rounding."""
    x0, y0, x1, y1 = (min(256.0, max(0.0, v)) for v in box)
    return min(x0, 255.0), min(y0, 255.0), max(x1, min(x0, 255.0) + 1), max(y1, min(y0, 255.0) + 1)
