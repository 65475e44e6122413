"""Detect files that were cut off, by the sizes and end marks of their own formats."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_cut_off"]

_TAIL = 66_000  # the end mark of a ZIP file may be followed by a comment of 64 KiB
_MAX_BOXES = 10_000


def is_cut_off(path: Path, suffix: str) -> bool:
    """Return whether a file is shorter than its format says; False for unknown formats.

    Args:
        path: The file.
        suffix: The suffix that fits its content, without a dot.
    """
    check = _CHECKS.get(suffix)
    if check is None:
        return False
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return check(file, size)
        except struct.error:
            return True  # it ends inside a header


def _mp4(file: BinaryIO, size: int) -> bool:
    """Follow the boxes; the last one must end inside the file, and the index must be there."""
    position = 0
    names: set[bytes] = set()
    while position + 8 <= size and len(names) < _MAX_BOXES:
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        names.add(name)
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if length < 8:  # 0: to the end of the file
            break
        position += length
    return position > size or (b"mdat" in names and not names & {b"moov", b"moof", b"meta"})


def _riff(file: BinaryIO, size: int) -> bool:
    length = _read_length(file, "<I", 4)
    return length < 0x7FFFFFF0 and length + 8 > size  # larger: written before it was known


def _png(file: BinaryIO, size: int) -> bool:
    position, name = 8, b""
    while name != b"IEND" and position < size:
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        position += length + 12
    return name != b"IEND" or position > size


def _zip(file: BinaryIO, size: int) -> bool:
    """Look for the end record, which is followed by a comment of the length that it names."""
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    position = tail.rfind(b"PK\x05\x06")
    if position < 0:
        return True
    (comment,) = struct.unpack_from("<H", tail, position + 20)
    return position + 22 + int(comment) > len(tail)


def _matroska(file: BinaryIO, size: int) -> bool:
    """Compare the size of the segment, which follows the header."""
    header = file.read(64 << 10)
    position = 4
    for name in (None, b"\x18\x53\x80\x67"):
        if position >= len(header):
            return True
        if name:
            if header[position : position + 4] != name:
                return False
            position += 4
        first = header[position] if position < len(header) else 0
        width = 9 - first.bit_length()
        if not 1 <= width <= 8 or position + width > len(header):
            return position + width > len(header)
        length = int.from_bytes(header[position : position + width]) & ((1 << 7 * width) - 1)
        position += width
        if name is None:
            position += length
        elif length != (1 << 7 * width) - 1:  # all ones: unknown
            return position + length > size
    return False


def _read_length(file: BinaryIO, form: str, position: int) -> int:
    file.seek(position)
    return int(struct.unpack(form, file.read(4))[0])


def _without_end(mark: bytes, tail: int = 64 << 10) -> Callable[[BinaryIO, int], bool]:
    """Return a check for an end mark near the end of the file."""

    def check(file: BinaryIO, size: int) -> bool:
        file.seek(max(0, size - tail))
        return mark not in file.read()

    return check


_CHECKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    **dict.fromkeys(("mp4", "mov", "m4a", "avif", "heic"), _mp4),
    **dict.fromkeys(("webp", "wav", "avi"), _riff),
    **dict.fromkeys(("webm", "mkv"), _matroska),
    "png": _png,
    "jpg": _without_end(b"\xff\xd9"),
    "gif": _without_end(b";", 1),
    "glb": lambda file, size: _read_length(file, "<I", 8) > size,
    "zip": _zip,
    "pdf": _without_end(b"%%EOF", 4096),
    "svg": _without_end(b">", 16),
}
