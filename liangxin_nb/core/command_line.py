"""Splitting a magic's line into words."""

from __future__ import annotations

import re

__all__ = ["split_line"]

_WORD = r"""(?:"[^"]*"|'[^']*'(?=\s|$)|[^\s"'=]+=(?:"[^"]*"|'[^']*')|\S)+"""


def split_line(line: str) -> list[str]:
    """The line's words; one pair of quotes around a word or a value is taken off.

    A lone apostrophe is a letter like any other: `don't` stays as it is.
    """
    return [_unquoted(word) for word in re.findall(_WORD, line)]


def _unquoted(word: str) -> str:
    name, equals, value = word.partition("=")
    if equals and _quoted(value) and not _quoted(word):
        return f"{name}={value[1:-1]}"
    return word[1:-1] if _quoted(word) else word


def _quoted(text: str) -> bool:
    return len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
