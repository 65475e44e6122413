"""Split the line of a magic into words."""

from __future__ import annotations

import re

__all__ = ["split_line"]

_WORD = r"""(?:"[^"]*"|'[^']*'(?=\s|$)|[^\s"'=]+=(?:"[^"]*"|'[^']*')|\S)+"""


def split_line(line: str) -> list[str]:
    """Return the words of a line, without one pair of quotes around a word or a value.

    Args:
        line: The text after the magic's name. A single apostrophe is an ordinary character, so
            that ``don't`` needs no quotes.
    """
    return [_strip_quotes(word) for word in re.findall(_WORD, line)]


def _strip_quotes(word: str) -> str:
    name, equals, value = word.partition("=")
    if equals and _is_quoted(value) and not _is_quoted(word):
        return f"{name}={value[1:-1]}"
    return word[1:-1] if _is_quoted(word) else word


def _is_quoted(text: str) -> bool:
    return len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
