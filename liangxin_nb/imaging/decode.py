"""Decode images from their content; names and headers are not trusted."""

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


#: A reference image: a URL or a path, the bytes of a file, a Pillow image, an array.
ImageSource = str | Path | bytes | Image | SupportsArray

#: Images with more pixels are rejected as decompression bombs (8k by 8k is accepted).
MAX_PIXELS = 80_000_000
_LARGE_PIXELS = 4_000_000
_BOMB = f"it has more than {MAX_PIXELS} pixels"
_SUFFIXES = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}


@dataclass(frozen=True)
class ImageInfo:
    """The format and the size of an image.

    Attributes:
        suffix: The usual suffix of its format, without a dot.
        width: In pixels.
        height: In pixels.
    """

    suffix: str
    width: int
    height: int


def open_image(data: bytes | Path) -> Image:
    """Open an image; its pixels are not decoded yet.

    Args:
        data: The content of the file, or its path.

    Raises:
        ValueError: If it is not an image of a known format or has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures and broken EXIF data
            file = data if isinstance(data, Path) else io.BytesIO(data)
            image = PIL.Image.open(file, formats=tuple(_SUFFIXES))
    except PIL.Image.DecompressionBombError:
        raise ValueError(_BOMB) from None
    # KeyError: an older Pillow without one of the formats.
    except (OSError, SyntaxError, ValueError, KeyError) as error:
        raise ValueError("not a picture of a known format") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(_BOMB)
    return image


def can_decode(suffix: str) -> bool:
    """Return whether the installed Pillow can decode this image format.

    Args:
        suffix: The format's usual suffix, without a dot.
    """
    return suffix in _SUFFIXES.values() and (suffix != "avif" or find_spec("PIL._avif") is not None)


def verify(data: bytes | Path) -> ImageInfo:
    """Decode an image and return its format and size.

    All data of a large JPEG is read, but it is decoded at a fraction of its size.

    Args:
        data: The content of the file, or its path.

    Raises:
        ValueError: If it is not an image of a known format, has too many pixels or is broken.
    """
    with open_image(data) as image:
        width, height = image.size
        try:
            if width * height > _LARGE_PIXELS:
                image.draft("RGB", (width // 8, height // 8))
            image.load()
        except Exception as error:  # Pillow's decoders raise many kinds of errors for broken data
            raise ValueError("the picture is broken or cut off") from error
        # Pillow names a JPEG with several pictures in it MPO.
        return ImageInfo(_SUFFIXES.get(str(image.format), "jpg"), width, height)
