"""Detect what a downloaded file is from its content; names and headers are not trusted."""

from __future__ import annotations

import codecs
import json
import re

from ..core.media_types import canonical_suffix, kind_of

__all__ = ["detect", "is_error_message"]

_PROLOG = r"(<\?xml.*?\?>|<!--.*?-->|<!doctype [^<>\[]*(\[.*?\]\s*)?>|\s)*"
_SVG = re.compile(_PROLOG + r"<(\w+:)?svg\b", re.IGNORECASE | re.DOTALL)
_PAGE = re.compile(
    r"<!doctype html|" + _PROLOG + r"<(\w+:)?(html|head|body|\w*error)\b",
    re.IGNORECASE | re.DOTALL,
)
#: Fields of the JSON that gateways and stores answer for a file that they do not have.
_ERROR_FIELDS = {"error", "errors", "code", "msg", "message", "detail", "status", "errorcode"}
_CONTROL_CHARACTER = re.compile(r"[\0-\x08\x0e-\x1f]")
_HEADER_BYTES = 4096


def detect(data: bytes, *, is_complete: bool = True) -> tuple[str, str]:
    """Return the kind and the suffix of a file.

    Args:
        data: The content of the file, or its beginning.
        is_complete: Whether `data` is the whole file.

    Returns:
        The kind (``image``, ``video``, ``audio``, ``text`` or ``file``) and the suffix without a
        dot, ``"file"`` and ``"bin"`` for unknown binary data. Two empty texts for nothing usable:
        no content, or the HTML or XML page that proxies and expired links return for a file.
    """
    try:
        decoder = codecs.getincrementaldecoder("utf-8")()
        text = decoder.decode(data, final=is_complete).lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError:
        return _detect_binary(data)
    if text.startswith("%PDF-") or _CONTROL_CHARACTER.search(text):
        return _detect_binary(data)
    start = text[:_HEADER_BYTES]
    if _SVG.match(start):
        return "file", "svg"
    if not text or _PAGE.match(start):
        return "", ""
    return "text", "json" if is_complete and _parse_json(text) is not None else "txt"


def is_error_message(data: bytes) -> bool:
    """Return whether a text is JSON that reports an error instead of a file.

    Args:
        data: The whole text in UTF-8.
    """
    value = _parse_json(data.decode("utf-8", "replace").lstrip("\ufeff"))
    if not isinstance(value, dict):
        return value in ("", [], ())
    return not value or bool(_ERROR_FIELDS & {str(name).lower() for name in value})


def _parse_json(text: str) -> object:
    """Return the value of a JSON text; None if it is none, an empty tuple for null."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return () if value is None else value


def _detect_binary(data: bytes) -> tuple[str, str]:
    # Versions of puremagic differ in these or do not know them.
    if data[:1] == b"\xff" and data[1:2] in (b"\xfa", b"\xfb", b"\xf2", b"\xf3"):
        return "audio", "mp3"
    if data[:1] == b"\xff" and data[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"):
        return "audio", "aac"
    if data.startswith(b"glTF"):
        return "file", "glb"
    if data[4:12] in (b"ftypmif1", b"ftypmsf1"):
        return "file", "heic"
    import puremagic  # here: most results are images and need no detection

    try:
        matches = puremagic.magic_string(data[:_HEADER_BYTES])
    except (puremagic.PureError, ValueError):
        return "file", "bin"
    # Files in MP4's container are also recognised as MP4, with the same confidence.
    matches.sort(key=lambda match: (-match.confidence, match.extension == ".mp4"))
    suffixes = (canonical_suffix(match.extension) for match in matches)
    suffix = next((suffix for suffix in suffixes if suffix != "bin"), "bin")
    return kind_of(suffix), suffix
