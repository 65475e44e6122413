"""Reference pictures, pinned to the drawing like photographs, so that their use is seen."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageFilter, ImageOps

_MOST = 4
_SHARE = 0.24  # of the drawing's shorter side
_TILTS = (-5.0, 4.0, -3.0, 6.0)


def pinned(drawing: Image.Image, references: Sequence[bytes]) -> Image.Image:
    """The drawing with up to four small framed pictures along its upper edge."""
    side = max(24, int(min(drawing.size) * _SHARE))
    gap = side // 8
    canvas = drawing.convert("RGBA")
    for n, data in enumerate(references[:_MOST]):
        photo = _photo(data, side).rotate(_TILTS[n], Image.Resampling.BICUBIC, expand=True)
        at = (gap + n * (side + gap), gap)
        shadow = Image.new("RGBA", photo.size, (0, 0, 0, 0))
        shadow.putalpha(photo.getchannel("A").point(lambda a: a * 2 // 5))
        soft = ImageOps.expand(shadow, gap, (0, 0, 0, 0)).filter(ImageFilter.GaussianBlur(gap / 3))
        canvas.alpha_composite(soft, (max(0, at[0] - gap + 2), max(0, at[1] - gap + 4)))
        canvas.alpha_composite(photo, at)
    return canvas.convert("RGB")


def _photo(data: bytes, side: int) -> Image.Image:
    """A square print with a white border, wider below."""
    border = max(2, side // 14)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    inner = ImageOps.fit(picture, (side - 2 * border, side - 2 * border))
    sheet = Image.new("RGBA", (side, side + 2 * border), (250, 248, 243, 255))
    sheet.paste(inner, (border, border))
    return sheet
