"""Detect what a downloaded file is from its content; names and headers are not trusted."""

from __future__ import annotations

import json
import re

from ..core.media_types import canonical_suffix, kind_of

__all__ = ["detect"]

_SVG = re.compile(
    r"(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!doctype svg.*?>\s*)?(<!--.*?-->\s*)*<svg\b",
    re.IGNORECASE | re.DOTALL,
)
_CONTROL_CHARACTER = re.compile(r"[\0-\x08\x0e-\x1f]")
_HEADER_BYTES = 4096


def detect(data: bytes) -> tuple[str, str]:
    """Return the kind and the suffix of a file.

    Args:
        data: The content of the file.

    Returns:
        The kind (``image``, ``video``, ``audio``, ``text`` or ``file``) and the suffix without a
        dot, ``"file"`` and ``"bin"`` for unknown binary data. Two empty texts for nothing usable:
        no content, or the HTML or XML page that proxies and expired links return for a file.
    """
    try:
        text = data.decode("utf-8").lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError:
        return _detect_binary(data)
    if text.startswith("%PDF-") or _CONTROL_CHARACTER.search(text):
        return _detect_binary(data)
    if _SVG.match(text[:_HEADER_BYTES]):
        return "file", "svg"
    if not text or text[:15].lower().startswith(("<!doctype", "<html", "<?xml")):
        return "", ""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "text", "txt"
    return "text", "json"


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
