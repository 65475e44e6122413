"""Files in formats that the painter does not draw, and files that are hard to read."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable
from functools import lru_cache
from struct import pack

from PIL import Image

__all__ = ["FILE_FORMATS", "create_png", "small_png", "webm_padding"]

_MP4_MEDIA_BYTES = 2_000_000
#: A silent frame of two channels in AAC, low complexity.
_AAC_FRAME = b"\x21\x10\x04\x60\x8c\x1c"
_SVG = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    b'<circle cx="32" cy="32" r="24" fill="#3b6ea5"/></svg>\n'
)
_ERROR = b'{"error":{"code":"NoSuchKey","message":"The specified key does not exist."}}'


def create_png(width: int, height: int, bits: int = 1, channels: int = 1) -> bytes:
    """Return a black PNG, compressed in parts, so that its pixels are never in memory at once."""
    row = bytes((width * bits * channels + 7) // 8 + 1)  # the first byte is the filter: none
    compressor = zlib.compressobj(1 if bits == 8 else 9)
    parts = [compressor.compress(row) for _ in range(height)]
    header = pack(">IIBBBBB", width, height, bits, 2 if channels == 3 else 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _png_chunk(b"IHDR", header)
        + _png_chunk(b"IDAT", b"".join(parts) + compressor.flush())
        + _png_chunk(b"IEND", b"")
    )


@lru_cache(maxsize=1)
def small_png() -> bytes:
    """Return a picture of a few hundred bytes."""
    return _save(Image.linear_gradient("L").resize((64, 64)), "PNG")


def webm_padding(size: int) -> bytes:
    """Return the header of a WebM element that players skip; `size` zeros follow it."""
    return b"\xec" + pack(">Q", size | 1 << 56)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))


def _save(picture: Image.Image, image_format: str) -> bytes:
    """Return an encoded picture."""
    out = io.BytesIO()
    picture.save(out, image_format)
    return out.getvalue()


@lru_cache(maxsize=1)
def _create_large_png() -> bytes:
    """Return a PNG of 10000 x 9000 pixels."""
    return create_png(10_000, 9_000, bits=8, channels=3)


@lru_cache(maxsize=1)
def _create_large_jpeg() -> bytes:
    """Return a JPEG of 8192 x 8192 pixels."""
    return _save(Image.linear_gradient("L").resize((8192, 8192)).convert("RGB"), "JPEG")


def _create_jpeg_with_broken_exif() -> bytes:
    """Return a readable JPEG with a text as orientation, so that its EXIF cannot be written."""
    jpeg = _save(Image.linear_gradient("L").convert("RGB"), "JPEG")
    entry = pack("<HHI", 0x0112, 2, 4) + b"abc\0"
    exif = b"Exif\0\0II*\0" + pack("<IH", 8, 1) + entry + pack("<I", 0)
    return jpeg[:2] + b"\xff\xe1" + pack(">H", len(exif) + 2) + exif + jpeg[2:]


def _create_aac() -> bytes:
    """Return a second of silence in AAC with ADTS headers; ISO 13818-7."""
    length = len(_AAC_FRAME) + 7
    # Sync word without checksum, low complexity at 44.1 kHz, two channels, the frame's length.
    header = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5
                    | 0x1F, 0xFC])  # fmt: skip
    return (header + _AAC_FRAME) * 44


def _box(name: bytes, content: bytes) -> bytes:
    """Return a box of an ISO media file."""
    return pack(">I", len(content) + 8) + name + content


def _create_mp4() -> bytes:
    """Return an MP4 file of 2 MB without tracks; its media box states its length."""
    movie_header = bytes(12) + pack(">II", 1000, 5000) + bytes(80)
    return (
        _box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")
        + _box(b"moov", _box(b"mvhd", movie_header))
        + _box(b"mdat", bytes(_MP4_MEDIA_BYTES))
    )


def _create_heic() -> bytes:
    """Return the container of an HEIC picture; decoders without HEVC recognize but reject it."""
    handler = bytes(8) + b"pict" + bytes(13)
    return (
        _box(b"ftyp", b"heic\0\0\0\0mif1heic")
        + _box(b"meta", bytes(4) + _box(b"hdlr", handler))
        + _box(b"mdat", bytes(4096))
    )


#: Media type and content of each format.
FILE_FORMATS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tiff": ("image/tiff", lambda: _save(Image.linear_gradient("L").convert("RGB"), "TIFF")),
    "gif": ("image/gif", lambda: _save(Image.linear_gradient("L"), "GIF")),
    "bmp": ("image/bmp", lambda: _save(Image.linear_gradient("L"), "BMP")),
    "svg": ("image/svg+xml", lambda: _SVG),
    "heic": ("image/heic", _create_heic),
    "aac": ("audio/aac", _create_aac),
    "mp4": ("video/mp4", _create_mp4),
    "broken-exif": ("image/jpeg", _create_jpeg_with_broken_exif),
    "large-png": ("image/png", _create_large_png),
    "large-jpeg": ("image/jpeg", _create_large_jpeg),
    "unknown": ("application/octet-stream", lambda: random.Random(1).randbytes(10_000)),  # noqa: S311
    "json-error": ("application/json", lambda: _ERROR),
}
