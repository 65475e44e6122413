"""Create folders and files that other users of this machine cannot read."""

from __future__ import annotations

import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

__all__ = ["create_folder", "is_private_file", "private_opener", "replace_file"]

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has no such flag


def create_folder(path: Path, *, group_access: bool = False) -> None:
    """Create a folder with mode 0700; an existing one is not changed.

    Args:
        path: The folder. Missing parents get the default mode.
        group_access: Create it with mode 0750.

    Raises:
        OSError: If the folder cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o750 if group_access else 0o700, exist_ok=True)


def private_opener(path: str, flags: int) -> int:
    """Open a file as an `opener` of `open`: with mode 0600 if it is new, and no symbolic link."""
    return os.open(path, flags | _NO_FOLLOW, 0o600)


def replace_file(path: Path, text: str) -> None:
    """Write a private file; readers see the former or the new content.

    Args:
        path: The file. A symbolic link of this name is replaced, not followed.
        text: The content.

    Raises:
        OSError: If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(part, "x", encoding="utf-8", opener=private_opener) as file:
            file.write(text)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def is_private_file(descriptor: int) -> bool:
    """Return whether an open file is a regular file that only this user can read and write."""
    status = os.fstat(descriptor)
    is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    is_closed = os.name != "posix" or not status.st_mode & 0o077
    return stat.S_ISREG(status.st_mode) and is_own and is_closed
