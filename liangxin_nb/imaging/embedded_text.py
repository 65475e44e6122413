"""Embed a text in an image file and extract it, without changing a pixel.

The compressed image data is copied byte for byte. The text is an iTXt chunk in a PNG, and the EXIF
UserComment in a JPEG or WebP: unlike ImageDescription, it supports every language. Further texts
and an XMP packet are for other programs.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Mapping

from PIL import Image

from .decode import can_afford, open_image

__all__ = ["embed", "extract"]

_KEYWORD = "liangxin"
_PNG_HEADER_SIZE = 8 + 25  # the signature and IHDR, which must come first
_EXIF_IFD, _USER_COMMENT, _UNICODE = 0x8769, 0x9286, b"UNICODE\0"
_UNDEFINED = 7
_PNG_XMP, _JPEG_XMP = "XML:com.adobe.xmp", b"http://ns.adobe.com/xap/1.0/\0"
_MAX_SEGMENT_SIZE = 65_533
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02


def embed(
    data: bytes, text: str, *, texts: Mapping[str, str] | None = None, xmp: str = ""
) -> bytes:
    """Return the file with the text in it.

    Args:
        data: The content of an image file.
        text: The text that `extract` returns.
        texts: Further texts by keyword, for PNG only; keywords that the file has are left out.
        xmp: An XMP packet, unless the file has one.

    Returns:
        The new content, or ``data`` if the format does not support a text of this length, or the
        file's own metadata cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken EXIF data
            return _embed(data, text, dict(texts or {}), xmp)
    except Exception:  # Pillow raises many kinds of errors for odd EXIF data
        return data


def _embed(data: bytes, text: str, texts: dict[str, str], xmp: str) -> bytes:
    """Return the file with the text in it, or unchanged if the text cannot be read back."""
    image = open_image(data)
    if image.format == "PNG":
        embedded = _embed_in_png(data, text, image, texts, xmp)
    elif image.format in ("JPEG", "MPO"):
        embedded = _embed_in_jpeg(data, text, image, xmp)
    elif image.format == "WEBP":
        embedded = _embed_in_webp(data, text, image, xmp)
    else:
        return data
    # The chunk of a PNG is before the pixels: they need not be decoded again.
    is_png = image.format == "PNG"
    found = open_image(embedded).info.get(_KEYWORD) if is_png else extract(embedded)
    return embedded if found == text else data


def extract(picture: bytes | Image.Image) -> str | None:
    """Return the text that `embed` wrote, or None.

    Args:
        picture: The content of an image file, or an image that was opened.
    """
    image = picture if isinstance(picture, Image.Image) else open_image(picture)
    if image.format == "PNG" and _KEYWORD not in image.info and can_afford(image):
        image.load()  # text chunks may follow the pixels
    if image.format == "PNG" or _KEYWORD in image.info:
        return image.info.get(_KEYWORD)
    comment = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if not isinstance(comment, bytes) or not comment.startswith(_UNICODE):
        return None
    return comment[len(_UNICODE) :].decode("utf-16-be", "replace")


def _embed_in_png(
    data: bytes, text: str, image: Image.Image, texts: dict[str, str], xmp: str
) -> bytes:
    if xmp:
        texts[_PNG_XMP] = xmp
    chunks = [_png_text(_KEYWORD, text, compress=True)]
    # Other programs expect these uncompressed.
    chunks += [_png_text(name, texts[name]) for name in texts if name not in image.info]
    rest = memoryview(data)[_PNG_HEADER_SIZE:]  # it may be large: no copies of it
    return b"".join((data[:_PNG_HEADER_SIZE], *chunks, rest))


def _png_text(keyword: str, text: str, *, compress: bool = False) -> bytes:
    content = zlib.compress(text.encode()) if compress else text.encode()
    body = keyword.encode() + (b"\0\1" if compress else b"\0\0") + b"\0\0\0" + content
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body
    return chunk + struct.pack(">I", zlib.crc32(b"iTXt" + body))


def _embed_in_jpeg(data: bytes, text: str, image: Image.Image, xmp: str) -> bytes:
    exif = b"Exif\0\0" + _exif_with_text(image, text)
    packet = _JPEG_XMP + xmp.encode()
    if len(exif) > _MAX_SEGMENT_SIZE:
        return data
    new = [exif]
    if xmp and len(packet) <= _MAX_SEGMENT_SIZE and "xmp" not in image.info:
        new.append(packet)
    segments = [b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in new]
    return b"".join((data[:2], *segments, *_without_exif(memoryview(data)[2:])))


def _without_exif(segments: memoryview) -> list[memoryview]:
    """Return the rest of a JPEG file without its EXIF segment, which the new one replaces."""
    others, position = [], 0
    while segments[position] == 0xFF:
        if segments[position + 1] in (0xDA, 0xD9):  # the image data begins
            break
        end = position + 2 + struct.unpack(">H", segments[position + 2 : position + 4])[0]
        segment = segments[position:end]
        if not (segment[1] == 0xE1 and bytes(segment[4:10]) == b"Exif\0\0"):
            others.append(segment)
        position = end
    return [*others, segments[position:]]


def _embed_in_webp(data: bytes, text: str, image: Image.Image, xmp: str) -> bytes:
    chunks = [chunk for chunk in _split_chunks(data) if chunk[0] not in (b"VP8X", b"EXIF")]
    if xmp and "xmp" not in image.info:
        chunks.append((b"XMP ", xmp.encode()))
    names = {name for name, _ in chunks}
    alpha = "A" in image.getbands() or b"ALPH" in names
    flags = _EXIF | (_ALPHA if alpha else 0) | (_ICC if b"ICCP" in names else 0)
    flags |= (_XMP if b"XMP " in names else 0) | (_ANIMATION if b"ANIM" in names else 0)
    extent = struct.pack("<I", image.width - 1)[:3] + struct.pack("<I", image.height - 1)[:3]
    head = (b"VP8X", struct.pack("<I", flags) + extent)
    last = (b"EXIF", _exif_with_text(image, text))
    parts = [part for chunk in (head, *chunks, last) for part in _pack_chunk(*chunk)]
    size = len(b"WEBP") + sum(map(len, parts))
    return b"".join((b"RIFF", struct.pack("<I", size), b"WEBP", *parts))


def _split_chunks(data: bytes) -> list[tuple[bytes, bytes | memoryview]]:
    """Return the name and the content of each chunk of a WebP file."""
    chunks: list[tuple[bytes, bytes | memoryview]] = []
    start, view = 12, memoryview(data)
    while start + 8 <= len(data):
        name, length = data[start : start + 4], struct.unpack("<I", data[start + 4 : start + 8])[0]
        chunks.append((name, view[start + 8 : start + 8 + length]))
        start += 8 + length + length % 2
    return chunks


def _pack_chunk(name: bytes, body: bytes | memoryview) -> tuple[bytes | memoryview, ...]:
    return name, struct.pack("<I", len(body)), body, b"\0" * (len(body) % 2)


def _exif_with_text(image: Image.Image, text: str) -> bytes:
    """Return the image's EXIF data with the text as its comment."""
    exif = image.getexif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _UNICODE + text.encode("utf-16-be")
    return _mark_comment_undefined(exif.tobytes().removeprefix(b"Exif\0\0"))


def _mark_comment_undefined(tiff: bytes) -> bytes:
    """Return EXIF data whose UserComment has the type UNDEFINED, not BYTE as Pillow writes it.

    Source: Exif 3.0, 4.6.6, UserComment.
    """
    order = "<" if tiff[:2] == b"II" else ">"

    def find_entry(ifd: int, tag: int) -> int:
        (count,) = struct.unpack_from(order + "H", tiff, ifd)
        entries = (ifd + 2 + 12 * n for n in range(count))
        return next(e for e in entries if struct.unpack_from(order + "H", tiff, e)[0] == tag)

    (first_ifd,) = struct.unpack_from(order + "I", tiff, 4)
    (exif_ifd,) = struct.unpack_from(order + "I", tiff, find_entry(first_ifd, _EXIF_IFD) + 8)
    entry = find_entry(exif_ifd, _USER_COMMENT)
    return tiff[: entry + 2] + struct.pack(order + "H", _UNDEFINED) + tiff[entry + 4 :]
