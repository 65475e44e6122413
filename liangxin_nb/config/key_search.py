"""Find everything that looks like an API key in long texts, such as the outputs of a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from .key_detector import LINK, PARAMETER, PATTERNS, PATTERNS_OUTSIDE_LINKS

__all__ = ["KeySpan", "find_key_spans"]

#: How keys of a shape begin, if not as the name of the shape: a search for a word is fast.
_BEGINNINGS = {
    "sk_live_…": ("sk_", "rk_", "whsec_"),
    "ghp_…": ("ghp_", "gho_", "ghr_", "ghs_", "ghu_"),
    "xoxb-…": ("xox",),
    "PRIVATE KEY": ("-----BEGIN ",),
    "AKIA…": ("AKIA", "ASIA"),
    "JSON web token": ("eyJ",),
}
_NAMED = {
    name: pattern
    for name, pattern in PATTERNS_OUTSIDE_LINKS.items()
    if name.endswith("=…") or name == "Bearer …"
}
_PREFIXED = {
    name: (pattern, _BEGINNINGS.get(name, (name.rstrip("…"),)))
    for name, pattern in (PATTERNS | PATTERNS_OUTSIDE_LINKS).items()
    if name not in _NAMED and name != "UUID:…"
}
_UUID = re.compile(r"-[0-9a-f]{12}:[0-9a-f]{32}")
_UUID_START = 23  # characters before that
#: In lower case: it is searched five times as fast as without regard to case.
_NAME = re.compile(r"(?:key|token|secret|密钥|密鑰|金鑰)[^\s=:：]{0,7}\s{0,3}[=:：]|bearer\s")
_BEFORE_NAME, _AFTER_NAME = 9, 300
#: The rest of a key after its first long word.
_REST = re.compile(r"(?:[\w~+/-]|\.(?=\w))*=*", re.ASCII)
_END_LINE = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_MAX_PRIVATE_KEY = 20_000  # characters
#: A digest, a UUID or a number: after a name such as `key=` it is more often an id than a key.
_ID = re.compile(r"[0-9a-fA-F]+(?:-[0-9a-fA-F]+)*")
_LONG_WORD = re.compile("[a-z]{7}")
#: Names that ids have, too: not those of variables, such as KIE_KEY.
_MAYBE_ID = re.compile("[Kk]ey|[Tt]oken")
_MAX_CANDIDATES = 20_000  # so that a hostile text cannot make the search long
_MAX_LINK = 4000  # characters


class KeySpan(NamedTuple):
    """What looks like a key.

    Attributes:
        start: The index of its first character.
        stop: The index after its last character.
        shape: The beginning of the key, such as `sk-…`.
    """

    start: int
    stop: int
    shape: str


def find_key_spans(text: str, *, allow_ids: bool = False) -> Iterator[KeySpan]:
    """Yield what looks like an API key, possibly several times.

    Args:
        text: Any text.
        allow_ids: Whether what may be an id (a digest, a UUID or a number) or a name in code is no
            key after `key=` and `token=`; it still is after `api_key=` or `KIE_KEY=`.
    """
    ends: dict[str, int] = {}  # of the last key of each shape
    for name, match in islice(_matches(text), _MAX_CANDIDATES):
        if match is None or match.start() < ends.get(name, 0):
            continue
        start = match.start(match.lastindex or 0)
        ends[name] = stop = _find_end(text, name, match.end())
        if name not in PATTERNS and _is_in_link(text, start):
            continue
        if allow_ids and _MAYBE_ID.match(match[0]) and _is_id(text[start:stop]):
            continue
        yield KeySpan(start, stop, name)


def _matches(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield what each pattern finds at the places where it may find something."""
    for name, (pattern, beginnings) in _PREFIXED.items():
        for beginning in beginnings:
            position = text.find(beginning)
            while position >= 0:
                yield name, pattern.match(text, position)
                position = text.find(beginning, position + 1)
    for found in _UUID.finditer(text):
        yield "UUID:…", PATTERNS["UUID:…"].match(text, max(0, found.start() - _UUID_START))
    lower = text.lower()
    if len(lower) != len(text):  # some letters become two
        lower = "".join(c.lower() if c.isascii() else c for c in text)
    for found in _NAME.finditer(lower):
        first, last = max(0, found.start() - _BEFORE_NAME), found.end() + _AFTER_NAME
        yield from ((name, pattern.search(text, first, last)) for name, pattern in _NAMED.items())


def _is_id(text: str) -> bool:
    """Return whether a text is an id, or a name in code, such as `PositionalIndexer2D`."""
    few_digits = sum(map(str.isdigit, text)) < len(text) / 10
    return bool(_ID.fullmatch(text) or (few_digits and _LONG_WORD.search(text)))


def _find_end(text: str, name: str, position: int) -> int:
    """Return where the rest of a key ends."""
    if name == "PRIVATE KEY":
        last = text.find("-----END ", position, position + _MAX_PRIVATE_KEY)
        end = _END_LINE.match(text, last) if last >= 0 else None
    else:
        end = _REST.match(text, position)
    return end.end() if end else position


def _is_in_link(text: str, position: int) -> bool:
    """Return whether a position is in a parameter of a link, which is rather a signature."""
    start = text.rfind("http", max(0, position - _MAX_LINK), position)
    link = LINK.match(text, start) if start >= 0 else None
    found = PARAMETER.finditer(text, start, link.end()) if link else ()
    return any(parameter.start() <= position < parameter.end() for parameter in found)
