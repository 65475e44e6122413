"""Draw and encode a picture for a prompt."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image

from liangxin_nb.sandbox.painter.canvas import Canvas
from liangxin_nb.sandbox.painter.finish import finished
from liangxin_nb.sandbox.painter.inset import pinned
from liangxin_nb.sandbox.painter.scene_spec import chance, read
from liangxin_nb.sandbox.painter.scenes import paint_scene

_FORMATS: dict[str, dict[str, int]] = {
    "png": {"compress_level": 4},
    "jpeg": {"quality": 88, "subsampling": 0},
    "webp": {"quality": 88, "method": 3},
}
_MIN_SIDE, _MAX_SIDE = 16, 4096
# Geometric mean of the sides between which scenes are drawn before they are resized: below,
# shapes are too coarse; above, soft pictures do not improve.
_MIN_DRAWN, _MAX_DRAWN = 200, 1700


def paint(
    prompt: str,
    *,
    seed: int,
    size: tuple[int, int],
    image_format: str = "png",
    references: Sequence[bytes] = (),
) -> bytes:
    """Draw a picture for a prompt.

    Args:
        prompt: The prompt, in English or Chinese.
        seed: Seed of the random decisions.
        size: Width and height in pixels, 16 to 4096 each.
        image_format: ``png``, ``jpeg`` or ``webp``.
        references: Picture files that are shown as small insets.

    Returns:
        The encoded file; equal arguments give equal bytes.

    Raises:
        ValueError: If the size or the format is invalid.
    """
    _validate(size, image_format)
    rng = chance(prompt, seed)
    brief = read(prompt, rng)
    canvas = Canvas(_drawn_size(size), rng, size[0] / size[1])
    paint_scene(canvas, brief)
    image = canvas.image
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image = finished(image, rng)
    return _encode(pinned(image, references) if references else image, image_format)


def _validate(size: tuple[int, int], image_format: str) -> None:
    if image_format not in _FORMATS:
        raise ValueError(f"image_format {image_format!r} is not one of {', '.join(_FORMATS)}")
    if len(size) != 2 or not all(isinstance(s, int) and _MIN_SIDE <= s <= _MAX_SIDE for s in size):
        raise ValueError(f"size {size!r}: each side must be {_MIN_SIDE} to {_MAX_SIDE} px")


def _drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    mean = math.sqrt(size[0] * size[1])
    scale = min(_MAX_DRAWN, max(_MIN_DRAWN, mean)) / mean
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _encode(image: Image.Image, image_format: str) -> bytes:
    out = io.BytesIO()
    image.save(out, format=image_format, **_FORMATS[image_format])
    return out.getvalue()
