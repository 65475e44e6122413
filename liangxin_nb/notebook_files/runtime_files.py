"""Small private files in Jupyter's runtime folder, for kernels and the server."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from ..config.private_files import create_folder, is_private_file, replace_file
from ..core.foreign_file import open_foreign_file

__all__ = ["MAX_ENTRIES", "newest_first", "read_entry", "runtime_folder", "write_entry"]

#: The number of files in a folder; those that were used last stay.
MAX_ENTRIES = 32
_MAX_AGE_S = 30 * 86_400.0


def runtime_folder(name: str) -> Path:
    """Return a folder of the package in Jupyter's runtime folder; it may not exist."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "liangxin" / name


def write_entry(path: Path, text: str) -> None:
    """Write a file, and remove the files beside it that were not used for a month.

    Args:
        path: The file, in a folder of the package.
        text: The content.

    Raises:
        OSError: If the folder cannot be written.
    """
    create_folder(path.parent.parent)
    create_folder(path.parent)
    replace_file(path, text)
    for number, (used_at, other) in enumerate(newest_first(path.parent)):
        if number >= MAX_ENTRIES or used_at < time.time() - _MAX_AGE_S:
            other.unlink(missing_ok=True)


def newest_first(folder: Path) -> list[tuple[float, Path]]:
    """Return the files in a folder, each with the time of its last use."""
    found = []
    with suppress(OSError):
        for path in folder.glob("*.json"):
            with suppress(FileNotFoundError):  # another process has removed it
                found.append((path.lstat().st_mtime, path))
    return sorted(found, reverse=True)


def read_entry(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file; empty if others can read or write it, or if it is larger."""
    with suppress(OSError, ValueError):
        if not path.is_symlink():
            with open_foreign_file(path) as file:
                data = file.read(max_bytes + 1) if is_private_file(file.fileno()) else b""
            return data if len(data) <= max_bytes else b""
    return b""
