"""Show texts with control characters: prompts, names, messages of servers, files of others."""

from __future__ import annotations

import re

__all__ = ["printable"]

#: Control characters, surrogates, and characters that change the order of others or that have no
#: width. A joiner between letters or emoji is part of what they look like.
_JOINERS = "\u200c\u200d"
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f"  # such as that of Scotland
_OTHER = "[^\x00-\x7f]"
_LINES = re.compile(f"{_FLAG}|[{_HIDDEN}]|(?<!{_OTHER})[{_JOINERS}]|[{_JOINERS}](?!{_OTHER})")
_LINE = re.compile(rf"[\t\n]|{_LINES.pattern}")


def printable(text: str, *, multiline: bool = False) -> str:
    """Show control characters of a text as symbols, so that a terminal does not obey them.

    Args:
        text: The text, which stays unchanged where it is stored.
        multiline: Keep line breaks and tabs.

    Returns:
        The text with ``␛`` for an escape character and ``<U+202E>`` for one without a symbol.
    """
    return (_LINES if multiline else _LINE).sub(_symbol, text)


def _symbol(match: re.Match[str]) -> str:
    if len(match[0]) > 1:
        return match[0]  # a flag
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
