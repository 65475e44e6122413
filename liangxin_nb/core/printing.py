"""Writes text, whatever the standard output of the process can take."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from .formatting import printable

__all__ = ["encodable", "print_text", "write_text"]

#: What a stream shows in place of a symbol that its encoding does not have.
_PLAIN = {
    "·": "-", "…": "...", "–": "-", "—": "-", "×": "x", "→": "->", "✕": "x", "●": "*",
    "○": "o", "◔": "o", "◐": "o", "◕": "o", "◑": "*", "◇": "o", "◌": "o",
}  # fmt: skip


def print_text(text: object, *, to_error: bool = False) -> None:
    """Print a text of one or more lines; its control characters are shown as symbols.

    Args:
        text: The text.
        to_error: Whether it is written to the standard error.
    """
    write_text(f"{printable(str(text), multiline=True)}\n", to_error=to_error)


def write_text(text: str, *, to_error: bool = False) -> None:
    """Write a text; an output that is missing or closed is ignored.

    Args:
        text: The text; a symbol that the output cannot encode is replaced.
        to_error: Whether it is written to the standard error.
    """
    # Programs without a window have neither; a caller may have replaced both by other objects.
    stream: Any = sys.stderr if to_error else sys.stdout
    with suppress(OSError, ValueError, AttributeError):
        stream.write(encodable(text, getattr(stream, "encoding", None)))
        stream.flush()


def encodable(text: str, encoding: str | None = None) -> str:
    """Replace every symbol of a text that an encoding does not have.

    Args:
        text: The text.
        encoding: The name of the encoding; default that of the standard output.
    """
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "".join(_plain_symbol(symbol, encoding) for symbol in text)
    return text


def _plain_symbol(symbol: str, encoding: str) -> str:
    try:
        symbol.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _PLAIN.get(symbol, "?") if symbol > "\x7f" else symbol
    return symbol
