"""Reading the values of settings: what users write is brought into one form, or rejected."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.hosts import is_loopback

__all__ = [
    "Reader",
    "UnusableError",
    "absolute_path",
    "read_address",
    "read_budget",
    "read_callback",
    "read_ledger",
    "read_number",
    "read_path",
    "read_wait",
    "read_word",
    "wait_word",
]

Reader = Callable[[Any], Any]
_SWITCH_WORDS = {"yes": True, "on": True, "no": False, "off": False}
_WAIT_WORDS = {"auto": None, "always": True, "never": False}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
#: The package that each scheme needs.
_POSTGRESQL = {
    "postgresql": "psycopg", "postgres": "psycopg", "postgresql+psycopg": "psycopg",
    "postgresql+psycopg2": "psycopg2",
}  # fmt: skip


class UnusableError(ValueError):
    """A value that has the right form but cannot be used.

    Args:
        reason: Why, as the end of a sentence.
        next_step: What to do.
    """

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason, next_step)
        self.reason, self.next_step = reason, next_step


def read_word(value: Any) -> Any:
    """Read one of several words, in any case; yes, no, on and off are true or false."""
    if not isinstance(value, str):
        return value
    return _SWITCH_WORDS.get(value.lower(), value.lower())


def read_wait(value: Any) -> Any:
    """Read auto, always or never, or a truth value."""
    return _WAIT_WORDS.get(value.lower(), read_word(value)) if isinstance(value, str) else value


def wait_word(wait: bool | None) -> str:
    """Return auto, always or never."""
    return next(word for word, value in _WAIT_WORDS.items() if value is wait)


def read_number(value: Any) -> Any:
    """Read the numbers of other libraries, such as NumPy's, and of `decimal` and `fractions`."""
    if isinstance(value, str | bytes | bool) or hasattr(value, "__len__"):
        return value
    return float(value) if hasattr(value, "__float__") else value


def absolute_path(path: Path) -> Path:
    """Return a path from the root; unchanged if the working folder has been deleted."""
    try:
        return path.absolute()
    except OSError:
        return path


def read_path(value: Any) -> Any:
    """Read a path; `~` is expanded, and a later change of the working folder has no effect."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        return text
    # SQLite and JSON need UTF-8, which the names of some files are not.
    if _SCHEME.match(text) or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):
        raise ValueError
    try:
        return str(absolute_path(Path(text).expanduser()))
    except RuntimeError:  # there is no user of that name
        raise UnusableError(
            "there is no such home folder", "Write the whole path instead of ~."
        ) from None


def read_ledger(value: Any) -> Any:
    """Read a path, a SQLite URL with a path, or a PostgreSQL URL."""
    scheme = _SCHEME.match(value) if isinstance(value, str) else None
    if scheme is None:
        return _without_memory(value)
    name = scheme[1].lower()
    if path := re.fullmatch("sqlite:///([^?#]+)", value, re.IGNORECASE):
        return _without_memory(path[1])
    if name not in _POSTGRESQL:
        raise ValueError
    _check_login(value)
    if find_spec(package := _POSTGRESQL[name]) is None:
        raise UnusableError(
            f"PostgreSQL needs the package {package}",
            "pip install 'liangxin_nb[team]', and write postgresql://….",
        )
    return value


def _without_memory(value: Any) -> Any:
    if value == ":memory:":
        raise UnusableError("a ledger in memory would lose paid tasks", "Write the path of a file.")
    return read_path(value)


def read_budget(value: Any) -> Any:
    """Read a path or a Redis URL."""
    scheme = _SCHEME.match(value) if isinstance(value, str) else None
    if scheme is None:
        return read_path(value)
    if scheme[1].lower() not in ("redis", "rediss"):
        raise ValueError
    _check_login(value)
    if not urlsplit(value).hostname:
        raise ValueError
    if find_spec("redis") is None:
        raise UnusableError("Redis needs the package redis", "pip install 'liangxin_nb[team]'.")
    return value


def _check_login(url: str) -> None:
    """Reject a password that ends another part of the URL, where it would be shown."""
    parts = urlsplit(url)
    if parts.fragment or "@" in parts.path or "@" in parts.query or parts.netloc.count("@") > 1:
        raise UnusableError(
            "its password contains @, /, ? or #", "Write them as %40, %2F, %3F and %23."
        )
    _ = parts.port  # raises ValueError if it is not a port
    if not (parts.netloc or parts.path.strip("/")):
        raise ValueError


def read_callback(value: Any) -> Any:
    """Read auto, none (as an empty text) or the URL that receives callbacks."""
    words: dict[Any, str] = {"auto": "auto", "none": ""}
    word = value.lower() if isinstance(value, str) else value
    return words[word] if isinstance(word, str) and word in words else read_address(value)


def read_address(value: Any) -> Any:
    """Read an https:// URL, or an http:// URL of this machine, without a login."""
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError if it is not a port
    if re.search(r"[\s\x00-\x1f\x7f]", value) or not parts.hostname or parts.username:
        raise ValueError
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError
    return value
