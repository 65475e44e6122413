"""What a picture's bytes are, by looking at them; no name and no header is believed."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import PIL.Image
from PIL.Image import Image

__all__ = [
    "MAX_PIXELS",
    "Image",
    "ImageInfo",
    "ImageSource",
    "SupportsArray",
    "can_decode",
    "open_image",
    "verify",
]


class SupportsArray(Protocol):
    """An array of pixels, such as one of NumPy."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


#: A picture as people have it: a URL or a path, the bytes of a file, a Pillow image, an array.
ImageSource = str | Path | bytes | Image | SupportsArray

#: Above this many pixels a file is treated as a decompression bomb (8k by 8k and some more).
MAX_PIXELS = 80_000_000
_BOMB = f"it has more than {MAX_PIXELS} pixels"
_SUFFIXES = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}


@dataclass(frozen=True)
class ImageInfo:
    """What a picture file is: the ending that fits it, its width and height in pixels."""

    suffix: str
    width: int
    height: int


def open_image(data: bytes) -> Image:
    """The picture, header read, pixels not yet; raises `ValueError` when it is none or a bomb."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            image = PIL.Image.open(io.BytesIO(data), formats=tuple(_SUFFIXES))
    except PIL.Image.DecompressionBombError:
        raise ValueError(_BOMB) from None
    # KeyError: an older Pillow, to which one of the formats is new.
    except (OSError, SyntaxError, ValueError, KeyError) as error:
        raise ValueError("not a picture of a known format") from error
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(_BOMB)
    return image


def can_decode(suffix: str) -> bool:
    """Return whether the installed Pillow can decode this image format.

    Args:
        suffix: The format's usual suffix, without a dot.
    """
    return suffix in _SUFFIXES.values() and (suffix != "avif" or find_spec("PIL._avif") is not None)


def verify(data: bytes) -> ImageInfo:
    """The facts of a whole picture, every pixel decoded; raises `ValueError` when it is broken."""
    image = open_image(data)
    try:
        image.load()
    except Exception as error:  # Pillow's decoders raise many kinds for broken data
        raise ValueError("the picture is broken or cut off") from error
    return ImageInfo(_SUFFIXES[str(image.format)], image.width, image.height)
