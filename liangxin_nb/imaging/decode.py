"""Decode images from their content; names and headers are not trusted."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import PIL.Image
from PIL.Image import Image

from .._forks import ForkSafeLock

__all__ = [
    "MAX_PIXELS",
    "Image",
    "ImageInfo",
    "ImageSource",
    "SupportsArray",
    "can_afford",
    "can_decode",
    "limit_decoding",
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
#: The memory for decoding one result; a PNG of 8192 by 8192 needs less.
_MAX_DECODING_BYTES = 280_000_000
#: Bytes per pixel where the decoder of a format makes copies of the whole picture.
_BYTES_PER_PIXEL = {"WEBP": 16, "AVIF": 10}
_LARGE_DECODING_BYTES = 20_000_000
_large_decoding = ForkSafeLock()
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


def open_image(data: bytes | Path | BinaryIO) -> Image:
    """Open an image; its pixels are not decoded yet.

    Args:
        data: The content of the file, its path, or the open file.

    Raises:
        ValueError: If it is not an image of a known format or has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures and broken EXIF data
            file = io.BytesIO(data) if isinstance(data, bytes) else data
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


def verify(data: bytes | Path, *, max_decoded: int = _MAX_DECODING_BYTES) -> ImageInfo:
    """Decode an image and return its format and size.

    All data of a large JPEG is read, but it is decoded at a fraction of its size.

    Args:
        data: The content of the file, or its path.
        max_decoded: Bytes of memory; of an image that needs more, only the header is read.

    Raises:
        ValueError: If it is not an image of a known format, has too many pixels, needs too much
            memory or is broken.
    """
    with open_image(data) as image:
        width, height = image.size
        memory = _estimate_memory(image)  # before a draft changes the size
        if not can_afford(image):
            raise ValueError(f"to decode {width} × {height} pixels would need too much memory")
        try:
            if width * height > _LARGE_PIXELS:
                image.draft("RGB", (width // 8, height // 8))
            with limit_decoding(image):
                if memory <= max_decoded:
                    image.load()
        except Exception as error:  # Pillow's decoders raise many kinds of errors for broken data
            raise ValueError("the picture is broken or cut off") from error
        # Pillow names a JPEG with several pictures in it MPO.
        return ImageInfo(_SUFFIXES.get(str(image.format), "jpg"), width, height)


def can_afford(image: Image) -> bool:
    """Return whether an image can be decoded in the memory that one result may need."""
    return _estimate_memory(image) <= _MAX_DECODING_BYTES


@contextmanager
def limit_decoding(image: Image) -> Iterator[None]:
    """Run the body, which decodes an image; large ones are decoded one at a time.

    Args:
        image: An image with undecoded pixels.
    """
    if _estimate_memory(image) <= _LARGE_DECODING_BYTES:
        yield
        return
    with _large_decoding:
        yield


def _estimate_memory(image: Image) -> int:
    """Return about how many bytes Pillow needs to decode an image."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        if "progressive" not in image.info:
            return 0  # it is decoded in strips, at a fraction of its size
        # Its coefficients, two bytes each, are collected for the whole picture.
        samples = [across * down for _, across, down, _ in getattr(image, "layer", ())]
        coefficients: int = pixels * sum(samples) // max(samples, default=1)
        return 2 * coefficients
    usual = 1 if image.mode in ("1", "L", "P") else 4
    return pixels * _BYTES_PER_PIXEL.get(str(image.format), usual)
