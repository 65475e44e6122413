"""Find keywords in a prompt of any language.

In scripts without spaces the longest known word wins: 上海 is a city and does not match 海, sea.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import liangxin_nb.sandbox.painter._vocabulary as known

UNSPACED = "\u2e80"  # from here on, scripts are written without spaces between words


def match_keywords(prompt: str, table: dict[str, str]) -> list[str]:
    """Return the keys of a table with keywords in the prompt, most keywords first.

    Ties keep the table's order.
    """
    text = fold_text(prompt)
    pieces = _pieces(text)
    scores = {key: _score(text, pieces, words) for key, words in table.items()}
    return sorted((key for key in scores if scores[key]), key=lambda key: -scores[key])


def fold_text(text: str) -> str:
    """Return lower case without accents, so that ``CAFÉ`` and ``cafe`` are one word."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in parts if not ("\u0300" <= c <= "\u036f"))
    return unicodedata.normalize("NFKC", bare)


def _score(text: str, pieces: frozenset[str], words: str) -> int:
    spaced = sum(1 for pattern in _patterns(words) if pattern.search(text))
    return spaced + sum(1 for name in _names(words) if name in pieces)


def _names(words: str) -> Iterator[str]:
    return (fold_text(word.strip()) for word in words.split(",") if word.strip())


@cache
def _patterns(words: str) -> tuple[re.Pattern[str], ...]:
    """Return whole-word patterns for the keywords of spaced scripts, with a plural allowed."""
    names = dict.fromkeys(name for name in _names(words) if name[0] < UNSPACED)
    return tuple(re.compile(rf"(?<!\w){re.escape(n)}(?:s|es)?(?![^\W\d_])") for n in names)


@cache
def _unspaced() -> re.Pattern[str]:
    """Return a pattern of all keywords of unspaced scripts, longer words first."""
    tables = (known.MOTIFS, known.LIGHTS, known.WEATHERS, known.SEASONS, known.PROPS, known.COLOURS)
    every = ",".join([known.IGNORED, *(words for table in tables for words in table.values())])
    names = {name for name in _names(every) if name[0] >= UNSPACED}
    return re.compile("|".join(sorted(names, key=lambda name: (-len(name), name))))


def _pieces(text: str) -> frozenset[str]:
    return frozenset(_unspaced().findall(text))
