"""Reads files that a user names and that anyone may have written: bounded, and only real files."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from .formatting import format_bytes

__all__ = ["file_problem", "open_foreign_file", "read_foreign_file", "read_foreign_text"]


def open_foreign_file(path: str | Path) -> BufferedReader:
    """Open a file for reading; a pipe or a device, which may never end, is rejected.

    Raises:
        ValueError: If that is impossible; the message says why, on one line.
    """
    try:
        file = open(Path(path).expanduser(), "rb", opener=_open_at_once)  # noqa: SIM115
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(file_problem(error)) from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is not a regular file")
    return file


def read_foreign_file(path: str | Path, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        ValueError: If it is larger or cannot be read; the message says why, on one line.
    """
    with open_foreign_file(path) as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise ValueError(file_problem(error)) from None
    if len(data) > max_bytes:
        raise ValueError(f"it is larger than {format_bytes(max_bytes)}")
    return data


def read_foreign_text(path: str | Path, max_bytes: int) -> str:
    """Return the content of a file of UTF-8 text, without its byte order mark.

    Raises:
        ValueError: If it is larger, no such text, or cannot be read; the message says why.
    """
    data = read_foreign_file(path, max_bytes)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16 text; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 text; save it as UTF-8") from None
    if "\0" in text:
        raise ValueError("it is not a text file")
    return text


def file_problem(error: Exception) -> str:
    """Return the reason of an error of the system, on one line."""
    reason = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return " ".join(reason.split())[:200]


def _open_at_once(path: str, flags: int) -> int:
    """Open a file at once, also a pipe that nothing writes to."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
