"""Find everything that looks like an API key in long texts, such as the outputs of a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .key_detector import LINK, PARAMETER, PATTERNS, PATTERNS_OUTSIDE_LINKS

__all__ = ["KeySpan", "find_key_spans"]

#: How keys of a shape begin, if not as the name of the shape: a search for a word is fast.
_BEGINNINGS = {
    "sk_live_…": ("sk_", "rk_", "whsec_"),
    "github_pat_…": ("github_pat",),
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
#: What follows the last character of a beginning in every key; few texts contain it.
_LONG = {"_": re.compile("_[A-Za-z0-9]{16}"), "-": re.compile(r"-[\w-]{12}")}
_UUID = re.compile(r"-[0-9a-f]{12}:[0-9a-f]{32}")
_UUID_START = 23  # characters before that
#: What follows a word, and the shapes with it. Words in lower case are searched fast.
_VALUE = re.compile(r"[^\s=:：]{0,7}\s{0,3}[=:：]")
_WORDS = {
    "key": (_VALUE, ("api_key=…", "key=…")),
    "token": (_VALUE, ("token=…",)),
    "secret": (_VALUE, ("token=…",)),
    "密钥": (_VALUE, ("key=…",)),
    "密鑰": (_VALUE, ("key=…",)),
    "金鑰": (_VALUE, ("key=…",)),
    "bearer": (re.compile(r"\s"), ("Bearer …",)),
}
_BEFORE_NAME, _AFTER_NAME = 9, 300
#: The rest of a key after its first long word.
_REST = re.compile(r"(?:[\w~+/-]|\.(?=\w))*=*", re.ASCII)
_END_LINE = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_MAX_PRIVATE_KEY = 20_000  # characters
#: A digest, a number, a word or a ULID: what consists of them is more often an id than a key after
#: a name such as `key=`.
_ID_PART = re.compile(r"[0-9a-fA-F]*|[A-Za-z]+\d{0,5}|[0-7][0-9A-HJKMNP-TV-Z]{25}")
_DIVIDER = re.compile("[-_./]")
_LONG_WORD = re.compile("[a-z]{7}")
#: Names that ids have, too: not those of variables, such as KIE_KEY.
_MAYBE_ID = re.compile("[Kk]ey|[Tt]oken")
#: Before `key` or `token`: the names of what is no secret.
_ID_NAME = re.compile(
    r"(?<![a-z])(?:blob|cache|column|composite|continuation|continue|cursor|dedup|deduplication|dict"
    r"|event|file|foreign|hash|idempotency|index|item|join|lookup|map|message|next|object|page"
    r"|pagination|partition|prev|previous|public|range|record|resume|routing|row|shard|sort|start"
    r"|surrogate|sync|trace|translation|unique)[-_ ]$",
    re.IGNORECASE,
)
_MAX_ID_NAME = 40  # characters
#: The id of an HTML element in the pictures of models that scikit-learn makes.
_ELEMENT = re.compile(r"sk-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEFORE_ELEMENT = re.compile(r"(?:#|\bid=\\?[\"'])$")
_MAX_CANDIDATES = 20_000  # that are no keys: a hostile text cannot make the search long
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
    budget = _MAX_CANDIDATES
    for name, match in _matches(text):
        budget -= 1
        if budget < 0:
            return
        if match is None or match.start() < ends.get(name, 0):
            continue
        start = match.start(match.lastindex or 0)
        ends[name] = stop = _find_end(text, name, match.end())
        if name not in PATTERNS and _is_in_link(text, start):
            continue
        if allow_ids and _is_id(text, match, start, stop):
            continue
        yield KeySpan(start, stop, name)
        budget += 1


def _matches(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield what each pattern finds at the places where it may find something."""
    absent = tuple(end for end, pattern in _LONG.items() if not pattern.search(text))
    for name, (pattern, beginnings) in _PREFIXED.items():
        for beginning in beginnings:
            if beginning.endswith(absent):
                continue
            position = text.find(beginning)
            while position >= 0:
                yield name, pattern.match(text, position)
                position = text.find(beginning, position + 1)
    for found in _UUID.finditer(text):
        yield "UUID:…", PATTERNS["UUID:…"].match(text, max(0, found.start() - _UUID_START))
    lower = text.lower()
    if len(lower) != len(text):  # some letters become two
        lower = "".join(c.lower() if c.isascii() else c for c in text)
    for word, (rest, names) in _WORDS.items():
        position = lower.find(word)
        while position >= 0:
            if after := rest.match(lower, position + len(word)):
                first, last = max(0, position - _BEFORE_NAME), after.end() + _AFTER_NAME
                yield from ((name, _NAMED[name].search(text, first, last)) for name in names)
            position = lower.find(word, position + 1)


def _is_id(text: str, match: re.Match[str], start: int, stop: int) -> bool:
    """Return whether what looks like a key is an id, or a name in code."""
    value = text[start:stop]
    before = text[max(0, match.start() - _MAX_ID_NAME) : match.start()]
    if _ELEMENT.fullmatch(value):
        return bool(_BEFORE_ELEMENT.search(before))
    if match[0][:3].lower() not in ("key", "tok"):
        return False
    if _ID_NAME.search(before):
        return True
    few_digits = sum(map(str.isdigit, value)) < len(value) / 10
    return _MAYBE_ID.match(match[0]) is not None and (
        all(map(_ID_PART.fullmatch, _DIVIDER.split(value)))
        or (few_digits and _LONG_WORD.search(value) is not None)
    )


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
    scheme = text.rfind("://", max(0, position - _MAX_LINK), position)
    start = text.rfind("http", max(0, scheme - _MAX_LINK), scheme + 1)
    stop = position + 1  # the rest of the link may be long, and is the same for many positions
    link = LINK.match(text, start, stop) if start >= 0 else None
    if not link or link.end() < stop:
        return False
    first = max(text.rfind("&", start, stop), start)
    return any(parameter.end() == stop for parameter in PARAMETER.finditer(text, first, stop))
