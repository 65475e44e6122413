"""Decide what a downloaded file is, and whether it is a result at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.media_types import canonical_suffix, kind_of, suffix_of
from ..core.task import TaskOutput
from ..imaging import can_decode, verify
from .completeness import is_cut_off
from .media_type import detect, is_error_message

__all__ = ["FileType", "inspect_file"]

_HEAD_BYTES = 64 << 10
_MAX_TEXT_BYTES = 8 << 20
_MAX_PICTURE_BYTES = 64 << 20  # larger ones are saved without being read into memory
_MAX_DECODED_AGAIN = 48_000_000  # bytes of memory
#: Pictures that are saved but not shown.
_OTHER_PICTURES = ("svg", "heic", "tiff", "bmp", "psd", "exr", "jp2")
_COMPRESSED = {"br": "Brotli", "zst": "Zstandard"}


@dataclass(frozen=True)
class FileType:
    """What a downloaded file is.

    Attributes:
        kind: image, video, audio, text or file.
        suffix: The suffix of its final name, without a dot.
        details: Further metadata: ``width`` and ``height`` of a picture in pixels, or a ``note``
            that says why it is not shown.
    """

    kind: str
    suffix: str
    details: dict[str, Any] = field(default_factory=dict)


def inspect_file(
    path: Path, output: TaskOutput, content_type: str = "", *, may_be_cut_off: bool = False
) -> FileType:
    """Return what a downloaded file is.

    Every file is accepted that is not empty, cut off, or an error page. The type follows from the
    content, else from the header, else from the URL.

    Args:
        path: The file.
        output: The task's output, with the kind that the service's link suggests.
        content_type: The Content-Type that the server declared.
        may_be_cut_off: Accept a file that is shorter than its format says, and decode no large
            picture: it was checked when it was downloaded, perhaps elsewhere.

    Raises:
        ValueError: If it is not a result.
    """
    size = path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        kind, suffix = detect(head, is_complete=size == len(head))
        if kind == "text" and len(head) < size <= _MAX_TEXT_BYTES:
            kind, suffix = detect(head + file.read())
    if not kind:
        raise ValueError("it is a web page or an error message")
    if kind == "text":
        is_expected = suffix != "json" or output.kind in ("text", "file")
        if not is_expected and is_error_message(path.read_bytes()):
            raise ValueError("it is an error message")
        return FileType(kind, suffix)
    max_decoded = {"max_decoded": _MAX_DECODED_AGAIN} if may_be_cut_off else {}
    if picture := _inspect_picture(path, size, kind, suffix, **max_decoded):
        return picture
    if not may_be_cut_off and is_cut_off(path, suffix):
        raise ValueError(f"the {suffix} file is cut off")
    if suffix == "bin":
        suffix = _find_suffix(output, content_type)
        kind = kind_of(suffix)
    note = f"{suffix.upper()} pictures are not shown here" if suffix in _OTHER_PICTURES else ""
    if suffix in _COMPRESSED:
        note = f"the server sent it compressed with {_COMPRESSED[suffix]}"
    return FileType(kind, suffix, {"note": note} if note else {})


def _inspect_picture(
    path: Path, size: int, kind: str, suffix: str, **limits: int
) -> FileType | None:
    """Return the type of a picture; None for anything else."""
    try:
        if size > _MAX_PICTURE_BYTES:
            raise ValueError(f"it is larger than {_MAX_PICTURE_BYTES >> 20} MiB")
        info = verify(path, **limits)
    except ValueError as error:
        if kind != "image":
            return None
        if is_cut_off(path, suffix):
            raise ValueError("the picture is cut off") from None
        reason = str(error) if can_decode(suffix) else f"Pillow cannot decode {suffix} here"
        return FileType("file", suffix, {"note": reason})
    return FileType("image", info.suffix, {"width": info.width, "height": info.height})


def _find_suffix(output: TaskOutput, content_type: str) -> str:
    """Return a suffix for a file of no known format: from the header, else from the URL."""
    declared = suffix_of(content_type.partition(";")[0].strip().lower())
    try:
        named = canonical_suffix(urlsplit(output.url).path)
    except ValueError:
        named = "bin"
    for suffix in (declared, named):
        # The content of pictures and texts is always recognised; this is something else.
        if kind_of(suffix) in ("video", "audio", "file") and suffix != "bin":
            return suffix
    return "bin"
