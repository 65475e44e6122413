"""What a file is that is no picture, by its first bytes; no name and no header is believed."""

from __future__ import annotations

import json

__all__ = ["detect"]

#: Kind, ending, where the sign stands, and the sign.
_SIGNS = (
    ("audio", "m4a", 4, b"ftypM4A"),
    ("video", "mov", 4, b"ftypqt"),
    # Pictures in the same wrapper as films; a whole one has been recognised before.
    ("", "", 4, b"ftypavif"),
    ("", "", 4, b"ftypavis"),
    ("", "", 4, b"ftypheic"),
    ("", "", 4, b"ftypmif1"),
    ("video", "mp4", 4, b"ftyp"),
    ("video", "webm", 0, b"\x1aE\xdf\xa3"),
    ("audio", "mp3", 0, b"ID3"),
    ("audio", "mp3", 0, b"\xff\xfb"),
    ("audio", "mp3", 0, b"\xff\xf3"),
    ("audio", "wav", 8, b"WAVE"),
    ("audio", "ogg", 0, b"OggS"),
    ("audio", "flac", 0, b"fLaC"),
    ("file", "zip", 0, b"PK\x03\x04"),
    ("file", "glb", 0, b"glTF"),
    ("file", "pdf", 0, b"%PDF-"),
)


def detect(data: bytes) -> tuple[str, str]:
    """Kind (video, audio, text, file) and ending of some bytes; two empty texts for nothing usable.

    A page of HTML is never usable: it is what proxies and expired links send in place of a file.
    """
    for kind, ending, at, sign in _SIGNS:
        if data[at : at + len(sign)] == sign:
            return kind, ending
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "file", "bin"
    start = text.lstrip("\ufeff \t\r\n")[:15].lower()
    if not start or start.startswith(("<!doctype", "<html", "<?xml")) or "\0" in text:
        return "", ""
    try:
        json.loads(text)
    except ValueError:
        return "text", "txt"
    return "text", "json"
