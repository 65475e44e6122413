"""Cleans a pasted key, and explains why a text cannot be a key, without repeating it."""

from __future__ import annotations

import os
import re
import unicodedata

from ..errors import InvalidRequestError

__all__ = ["MAX_LENGTH", "MIN_LENGTH", "clean_key", "find_usable_key"]

#: Characters of a key. A shorter one would be found in many texts; JSON web tokens are long.
MIN_LENGTH, MAX_LENGTH = 8, 4096
#: White space, invisible characters, quotes, and what follows a quoted value in code.
_AROUND = " \t\r\n\v\f\0\u00a0\u200b\u200c\u200d\u2060\u3000\ufeff\"'`´“”„‟‘’‚‛«»「」＂＇,;"
_NAME_BEFORE = re.compile(
    r"(?:curl\s)?(?:-H\s*)?['\"]?(?:export\s+|set\s+|\$env:)?"
    r"(?:LIANGXIN_\w*KEY|(?:\w+_)?API_?KEY|X-API-KEY|key|authorization)['\"]?\s*[=:：]\s*"
    r"|bearer\s+",
    re.IGNORECASE,
)
#: The whole text: <key>, {{KEY}}, [key], $KEY, $(cat key), %KEY%, API_KEY.
_PLACEHOLDER = re.compile(
    r"<.*>|\{.*\}|\[.*\]|\$\{?\w+\}?|\$\(.*\)|%\w+%|(?:sk-)?(?:test|secret|fake)[-_]?key"
    r"|(?:\w+_)?api[-_]?key=?|none|null|undefined|todo|empty",
    re.IGNORECASE | re.DOTALL,
)
#: A part of the text: sk-..., sk-••••1234, sk-xxxxxxxx, os.getenv(…), YOUR_API_KEY, change-me.
_PLACEHOLDER_WORD = re.compile(
    r"\.{3}|…|\*{3}|[•·●]{3}|x{6}|LIANGXIN_\w*KEY|getenv|getpass"
    r"|(?:your|my)[-_ ]?(?:api[-_ ]?|secret[-_ ]?)?key"
    r"|(?<![a-z0-9])(?:your|insert|paste|enter|example|placeholder|dummy|(?:change|replace)[-_ ]?"
    r"(?:me|this|with))(?![a-z0-9])",
    re.IGNORECASE,
)
_FILE = re.compile(r"file:.*|(?:~|\.{1,2})[\\/].*|[A-Za-z]:\\.*|/.*\..*|.*\.(?:txt|env|key|json)")
_COPY_AGAIN = (
    f"Copy the key again from the service's console: one line of {MIN_LENGTH} to {MAX_LENGTH} "
    "ASCII characters without spaces."
)
_READ_FILE = "Give the content of the file instead, in Python Path(FILE).read_text()."


def clean_key(value: object, source: str) -> str:
    """Return a key without what is often pasted with it.

    White space, quotes, a byte order mark, the name of a variable, and `Authorization: Bearer` are
    removed.

    Args:
        value: The text.
        source: Where it comes from, for the error message.

    Raises:
        InvalidRequestError: If it cannot be a key. The message contains no character of it.
    """
    if isinstance(value, os.PathLike):
        raise _unusable(source, "it is the path of a file", _READ_FILE)
    if not isinstance(value, str):
        step = "Use key.decode()." if isinstance(value, bytes | bytearray) else _COPY_AGAIN
        raise _unusable(source, f"it is of type {type(value).__name__}, not a text", step)
    key = _strip(value)
    if reason := _find_problem(key):
        raise _unusable(source, reason, _COPY_AGAIN)
    if _FILE.fullmatch(key) or _is_file(key):
        raise _unusable(source, "it is the name of a file", _READ_FILE)
    if re.match("(?i)https?://", key):
        raise _unusable(source, "it is an address", _COPY_AGAIN)
    return key


def find_usable_key(text: str) -> str:
    """Return the key that a pasted text contains, or an empty text if it cannot be a key.

    Args:
        text: The text.
    """
    key = _strip(text)
    return "" if _find_problem(key) else key


def _strip(text: str) -> str:
    key = text.strip(_AROUND)
    while (name := _NAME_BEFORE.match(key)) and key[name.end() :].strip(_AROUND):
        key = key[name.end() :].strip(_AROUND)
    return key


def _find_problem(key: str) -> str:
    """Return why a text cannot be a key, or an empty text."""
    lines = [line for line in key.splitlines() if line.strip()]
    if len(lines) > 1:
        return f"it contains {len(lines)} lines"
    if _PLACEHOLDER.fullmatch(key) or _PLACEHOLDER_WORD.search(key):
        return "it is a placeholder, a shortened key or code"
    for position, character in enumerate(key, 1):
        if kind := _describe(character):
            return f"it contains {kind}, at position {position} of {len(key)}"
    if not key:
        return "it is empty"
    if not MIN_LENGTH <= len(key) <= MAX_LENGTH:
        return f"it has {len(key)} characters"
    return ""


def _describe(character: str) -> str:
    """Return what kind of character cannot be in a key; empty for printable ASCII."""
    if "!" <= character <= "~":
        return ""
    if character.isspace():
        return "a space"
    category = unicodedata.category(character)
    if category == "Cc":
        return "a control character"
    if category == "Cf":
        return "an invisible character"
    if unicodedata.east_asian_width(character) == "F":
        return "a full-width character"
    return "a character outside ASCII"


def _is_file(key: str) -> bool:
    return os.path.isfile(os.path.expanduser(key))  # noqa: PTH111, PTH113 no error for any text


def _unusable(source: str, reason: str, next_step: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{source} is not a usable key: {reason}. Nothing was sent.", next_step=next_step
    )
