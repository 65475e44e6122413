"""Replace keys in texts, also where colours, line breaks or the ends of outputs divide them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from ..config.key_digests import IN_USE, KeyMatcher, merge_spans, printable_part
from ..config.key_search import find_key_spans
from ..config.secret import DOTS

__all__ = ["find_shapes", "redact_pieces"]

#: Rarely in a text: one of them, or another unused character, divides the pieces.
_DIVIDERS = 0x1E, 0x1F, 0x1D, 0x1C


class _View(NamedTuple):
    """One way to read a text: without colours and pictures, possibly also without tags."""

    divider: str
    skipped: re.Pattern[str]
    has_tags: bool = True

    def read(self, text: str) -> str:
        """Return what can be read."""
        if self.has_tags and "\x1b" not in text and "data:" not in text:
            return text.replace(self.divider, "") if self.divider else text  # much faster
        return self.skipped.sub("", text)

    def find_in_use(self, text: str, matcher: KeyMatcher) -> list[tuple[int, int]]:
        """Return where keys in use are, counted in the printable characters that can be read."""
        return matcher.spans(printable_part(self.read(text).encode("ascii", "ignore")))


@lru_cache(maxsize=16)
def _view(divider: str, *, has_tags: bool = True) -> _View:
    # Colours of a terminal, also divided ones, and pictures in HTML.
    skipped = [rf"\x1b{divider}?\[[0-?{divider}]*[ -/]*[@-~]"]
    skipped += [r"data:(?:image|audio|video|font)/[\w.+-]+;base64,[A-Za-z0-9+/=]*"]
    skipped += [*([divider] if divider else []), *([] if has_tags else ["<[^<>]*>"])]
    return _View(divider, re.compile("|".join(skipped)), has_tags)


def _views(text: str, divider: str = "") -> list[_View]:
    """Return the ways to look for a key in use: tags may be in it in coloured HTML."""
    return [_view(divider), *([_view(divider, has_tags=False)] if "<span" in text else [])]


def find_shapes(text: str, matcher: KeyMatcher) -> list[str]:
    """Return the shapes of the keys in a text, each once, and first `a key in use`.

    Args:
        text: Any text.
        matcher: Recognises the keys in use.
    """
    others = _hide_in_use(text, "", matcher)  # which may look like keys, too
    found = find_key_spans(_view("").read(others), allow_ids=True)
    shapes = list(dict.fromkeys(span.shape for span in found))
    return shapes if others == text else [IN_USE, *shapes]


def redact_pieces(pieces: Sequence[str], matcher: KeyMatcher) -> list[str]:
    """Return texts that are shown as one, with dots instead of the keys.

    Args:
        pieces: The items of a list of lines, or the texts of several outputs of one stream.
        matcher: Recognises the keys in use.
    """
    divider = _unused_character("".join(pieces))
    text = _hide_in_use(divider.join(pieces), divider, matcher)
    view = _view(divider)
    found = find_key_spans(view.read(text), allow_ids=True)
    if spans := merge_spans((span.start, span.stop) for span in found):
        text = _replace(text, view.skipped, view.skipped, spans)
    return text.split(divider)


def _hide_in_use(text: str, divider: str, matcher: KeyMatcher) -> str:
    """Return a text with dots instead of the keys in use."""
    for view in _views(text, divider):
        if spans := view.find_in_use(text, matcher):
            hidden = re.compile(rf"(?:{view.skipped.pattern}|[^!-~])+")
            text = _replace(text, hidden, view.skipped, spans)
    return text


def _unused_character(text: str) -> str:
    """Return a character that is not in a text; ASCII if possible, which is faster."""
    return next(c for c in map(chr, chain(_DIVIDERS, range(0xE000, 0x110000))) if c not in text)


def _replace(
    text: str, hidden: re.Pattern[str], kept: re.Pattern[str], spans: Iterable[tuple[int, int]]
) -> str:
    """Replace parts of a text by dots.

    Args:
        text: The text.
        hidden: What the spans do not count.
        kept: What stays of a replaced part: colours, tags, the ends of outputs.
        spans: The parts, in order.
    """
    counts, starts, count, end = [], [], 0, 0  # of each part that is counted
    for gap in hidden.finditer(text):
        counts.append(count)
        starts.append(end)
        count, end = count + gap.start() - end, gap.end()
    counts.append(count)
    starts.append(end)
    done, parts = 0, []
    for first, last in spans:
        begin, stop = (
            starts[part] + index - counts[part]
            for index in (first, last - 1)
            for part in (bisect_right(counts, index) - 1,)
        )
        parts += [text[done:begin], DOTS, *kept.findall(text[begin : stop + 1])]
        done = stop + 1
    return "".join([*parts, text[done:]])
