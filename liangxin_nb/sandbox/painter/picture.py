"""From a prompt to an encoded picture file."""

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

FORMS: dict[str, dict[str, int]] = {
    "png": {"compress_level": 4},
    "jpeg": {"quality": 88, "subsampling": 0},
    "webp": {"quality": 88, "method": 3},
}
SMALLEST, LARGEST = 16, 4096
# Scenes are drawn between these sizes (geometric mean of the sides) and then brought to size:
# below, shapes would be too coarse to draw; above, soft pictures gain nothing but time.
LEAST, MOST = 200, 1700


def paint(
    prompt: str,
    *,
    seed: int,
    size: tuple[int, int],
    form: str = "png",
    references: Sequence[bytes] = (),
) -> bytes:
    """Draw a picture for a prompt and return it as an encoded file.

    ``size`` is (width, height), each 16..4096 px; ``form`` is png, jpeg or webp; ``references``
    are picture files, pinned to the drawing.  The same arguments always give the same bytes.
    """
    _check(size, form)
    rng = chance(prompt, seed)
    brief = read(prompt, rng)
    canvas = Canvas(_drawn_size(size), rng, size[0] / size[1])
    paint_scene(canvas, brief)
    image = canvas.image
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image = finished(image, rng)
    return _encoded(pinned(image, references) if references else image, form)


def _check(size: tuple[int, int], form: str) -> None:
    if form not in FORMS:
        raise ValueError(f"form {form!r} is not one of {', '.join(FORMS)}")
    if len(size) != 2 or not all(isinstance(s, int) and SMALLEST <= s <= LARGEST for s in size):
        raise ValueError(f"size {size!r}: each side must be {SMALLEST} to {LARGEST} px")


def _drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    mean = math.sqrt(size[0] * size[1])
    scale = min(MOST, max(LEAST, mean)) / mean
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _encoded(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, format=form, **FORMS[form])
    return out.getvalue()
