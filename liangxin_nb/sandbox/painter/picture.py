"""Draw and encode a picture for a prompt."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageFilter, ImageOps

from liangxin_nb.sandbox.painter.canvas import Canvas
from liangxin_nb.sandbox.painter.finish import finish
from liangxin_nb.sandbox.painter.scene_spec import create_rng, parse_prompt
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
_MAX_REFERENCES = 4
_REFERENCE_SHARE = 0.24  # of the drawing's shorter side
_TILTS = (-5.0, 4.0, -3.0, 6.0)


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
    rng = create_rng(prompt, seed)
    brief = parse_prompt(prompt, rng)
    canvas = Canvas(_drawn_size(size), rng, size[0] / size[1])
    paint_scene(canvas, brief)
    image = canvas.image
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image = finish(image, rng)
    return _encode(_add_references(image, references) if references else image, image_format)


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


def _add_references(drawing: Image.Image, references: Sequence[bytes]) -> Image.Image:
    """Show up to four reference pictures as small framed prints along the upper edge."""
    side = max(24, int(min(drawing.size) * _REFERENCE_SHARE))
    gap = side // 8
    canvas = drawing.convert("RGBA")
    for n, data in enumerate(references[:_MAX_REFERENCES]):
        photo = _frame(data, side).rotate(_TILTS[n], Image.Resampling.BICUBIC, expand=True)
        corner = (gap + n * (side + gap), gap)
        shadow = Image.new("RGBA", photo.size, (0, 0, 0, 0))
        shadow.putalpha(photo.getchannel("A").point(lambda a: a * 2 // 5))
        soft = ImageOps.expand(shadow, gap, (0, 0, 0, 0)).filter(ImageFilter.GaussianBlur(gap / 3))
        canvas.alpha_composite(soft, (max(0, corner[0] - gap + 2), max(0, corner[1] - gap + 4)))
        canvas.alpha_composite(photo, corner)
    return canvas.convert("RGB")


def _frame(data: bytes, side: int) -> Image.Image:
    """Return a square print with a white border, wider below."""
    border = max(2, side // 14)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    inner = ImageOps.fit(picture, (side - 2 * border, side - 2 * border))
    sheet = Image.new("RGBA", (side, side + 2 * border), (250, 248, 243, 255))
    sheet.paste(inner, (border, border))
    return sheet
