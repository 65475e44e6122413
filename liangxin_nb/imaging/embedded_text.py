"""A text inside a picture file, put in and read back without touching a pixel.

The compressed image data are copied byte for byte; only a block of text is set in: PNG an iTXt
chunk, JPEG and WebP the EXIF UserComment (which carries every language; ImageDescription does not).
"""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from .decode import open_image

__all__ = ["embed", "extract"]

_KEYWORD = "liangxin"
_PNG_START = 8 + 25  # the signature and IHDR, which must come first
_EXIF_IFD, _USER_COMMENT, _UNICODE = 0x8769, 0x9286, b"UNICODE\0"
_LARGEST_SEGMENT = 65_533
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02


def embed(data: bytes, text: str) -> bytes:
    """The file with the text inside, or unchanged where its format has no room for it."""
    image = open_image(data)
    writers = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp}
    writer = writers.get(str(image.format))
    return writer(data, text, image) if writer else data


def extract(data: bytes) -> str | None:
    """The text that `embed` set in, or None."""
    image = open_image(data)
    if image.format == "PNG":
        image.load()  # text chunks may follow the pixels
        return getattr(image, "text", {}).get(_KEYWORD)
    comment = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if not isinstance(comment, bytes) or not comment.startswith(_UNICODE):
        return None
    return comment[len(_UNICODE) :].decode("utf-16-be", "replace")


def _png(data: bytes, text: str, _: Image.Image) -> bytes:
    body = _KEYWORD.encode() + b"\0\1\0\0\0" + zlib.compress(text.encode())
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"iTXt" + body))
    return data[:_PNG_START] + chunk + data[_PNG_START:]


def _jpeg(data: bytes, text: str, image: Image.Image) -> bytes:
    exif = b"Exif\0\0" + _exif(image, text)
    if len(exif) > _LARGEST_SEGMENT:
        return data
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return data[:2] + segment + _without_exif(data[2:])


def _without_exif(segments: bytes) -> bytes:
    """The JPEG segments before the scan, less an EXIF one that ours has taken in."""
    kept, at = [], 0
    while segments[at : at + 1] == b"\xff" and segments[at + 1] not in (0xDA, 0xD9):
        end = at + 2 + struct.unpack(">H", segments[at + 2 : at + 4])[0]
        segment = segments[at:end]
        if not (segment[1] == 0xE1 and segment[4:10] == b"Exif\0\0"):
            kept.append(segment)
        at = end
    return b"".join(kept) + segments[at:]


def _webp(data: bytes, text: str, image: Image.Image) -> bytes:
    chunks = [c for c in _chunks(data) if c[0] not in (b"VP8X", b"EXIF")]
    names = {name for name, _ in chunks}
    alpha = "A" in image.getbands() or b"ALPH" in names
    flags = _EXIF | (_ALPHA if alpha else 0) | (_ICC if b"ICCP" in names else 0)
    flags |= (_XMP if b"XMP " in names else 0) | (_ANIMATION if b"ANIM" in names else 0)
    size = struct.pack("<I", image.width - 1)[:3] + struct.pack("<I", image.height - 1)[:3]
    head = (b"VP8X", struct.pack("<I", flags) + size)
    last = (b"EXIF", _exif(image, text))
    body = b"WEBP" + b"".join(_packed(*chunk) for chunk in (head, *chunks, last))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        found.append((name, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def _packed(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _exif(image: Image.Image, text: str) -> bytes:
    """The file's EXIF block with our comment in it, as TIFF bytes."""
    exif = image.getexif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _UNICODE + text.encode("utf-16-be")
    return exif.tobytes().removeprefix(b"Exif\0\0")
