"""Embed a text in an image file and extract it, without changing a pixel.

The compressed image data is copied byte for byte. The text is an iTXt chunk in a PNG, and the EXIF
UserComment in a JPEG or WebP: unlike ImageDescription, it supports every language.
"""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from .decode import open_image

__all__ = ["embed", "extract"]

_KEYWORD = "liangxin"
_PNG_HEADER_SIZE = 8 + 25  # the signature and IHDR, which must come first
_EXIF_IFD, _USER_COMMENT, _UNICODE = 0x8769, 0x9286, b"UNICODE\0"
_MAX_SEGMENT_SIZE = 65_533
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02


def embed(data: bytes, text: str) -> bytes:
    """Return the file with the text in it.

    Args:
        data: The content of an image file.
        text: The text.

    Returns:
        The new content, or ``data`` if the format does not support a text of this length.
    """
    image = open_image(data)
    writers = {"PNG": _embed_in_png, "JPEG": _embed_in_jpeg, "WEBP": _embed_in_webp}
    writer = writers.get(str(image.format))
    return writer(data, text, image) if writer else data


def extract(data: bytes) -> str | None:
    """Return the text that `embed` wrote, or None.

    Args:
        data: The content of an image file.
    """
    image = open_image(data)
    if image.format == "PNG":
        image.load()  # text chunks may follow the pixels
        return getattr(image, "text", {}).get(_KEYWORD)
    comment = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if not isinstance(comment, bytes) or not comment.startswith(_UNICODE):
        return None
    return comment[len(_UNICODE) :].decode("utf-16-be", "replace")


def _embed_in_png(data: bytes, text: str, _: Image.Image) -> bytes:
    body = _KEYWORD.encode() + b"\0\1\0\0\0" + zlib.compress(text.encode())
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"iTXt" + body))
    return data[:_PNG_HEADER_SIZE] + chunk + data[_PNG_HEADER_SIZE:]


def _embed_in_jpeg(data: bytes, text: str, image: Image.Image) -> bytes:
    exif = b"Exif\0\0" + _exif_with_text(image, text)
    if len(exif) > _MAX_SEGMENT_SIZE:
        return data
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return data[:2] + segment + _without_exif(data[2:])


def _without_exif(segments: bytes) -> bytes:
    """Return the rest of a JPEG file without its EXIF segment, which the new one replaces."""
    others, position = [], 0
    while segments[position : position + 1] == b"\xff":
        if segments[position + 1] in (0xDA, 0xD9):  # the image data begins
            break
        end = position + 2 + struct.unpack(">H", segments[position + 2 : position + 4])[0]
        segment = segments[position:end]
        if not (segment[1] == 0xE1 and segment[4:10] == b"Exif\0\0"):
            others.append(segment)
        position = end
    return b"".join(others) + segments[position:]


def _embed_in_webp(data: bytes, text: str, image: Image.Image) -> bytes:
    chunks = [chunk for chunk in _split_chunks(data) if chunk[0] not in (b"VP8X", b"EXIF")]
    names = {name for name, _ in chunks}
    alpha = "A" in image.getbands() or b"ALPH" in names
    flags = _EXIF | (_ALPHA if alpha else 0) | (_ICC if b"ICCP" in names else 0)
    flags |= (_XMP if b"XMP " in names else 0) | (_ANIMATION if b"ANIM" in names else 0)
    size = struct.pack("<I", image.width - 1)[:3] + struct.pack("<I", image.height - 1)[:3]
    head = (b"VP8X", struct.pack("<I", flags) + size)
    last = (b"EXIF", _exif_with_text(image, text))
    body = b"WEBP" + b"".join(_pack_chunk(*chunk) for chunk in (head, *chunks, last))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _split_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the name and the content of each chunk of a WebP file."""
    chunks, start = [], 12
    while start + 8 <= len(data):
        name, length = data[start : start + 4], struct.unpack("<I", data[start + 4 : start + 8])[0]
        chunks.append((name, data[start + 8 : start + 8 + length]))
        start += 8 + length + length % 2
    return chunks


def _pack_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _exif_with_text(image: Image.Image, text: str) -> bytes:
    """Return the image's EXIF data with the text as its comment."""
    exif = image.getexif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _UNICODE + text.encode("utf-16-be")
    return exif.tobytes().removeprefix(b"Exif\0\0")
