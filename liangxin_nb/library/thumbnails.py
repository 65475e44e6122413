"""Small pictures on disk, made once: `.thumbnails/<job record>-<n>.jpg` in the results folder."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from ..imaging import thumbnail
from .entry import LibraryEntry, safe_file_name

__all__ = ["ThumbnailCache"]

#: Pixels of the longer side, and bytes: 24 of them are half a megabyte on the way to the browser.
_SIDE, _MAX_BYTES = 384, 24_000
_START = b"\xff\xd8"


class ThumbnailCache:
    """The thumbnails of a results folder; the folder is made with the first one."""

    def __init__(self, root: Path) -> None:
        self._folder = root / ".thumbnails"
        # Two who want the same page share the work: the second finds what the first has made.
        self._lock = threading.Lock()

    def cached(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """The nth thumbnail as it lies there; empty when it was never made."""
        try:
            data = self._path(entry.id, n).read_bytes()
        except OSError:
            return b""
        return data if data.startswith(_START) else b""

    def make(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """The thumbnail of the nth picture or film, made where there is none yet.

        Empty when there is nothing to see of it, or nothing that can be read.
        """
        with self._lock:
            return self.cached(entry, n) or self._create(entry, n)

    def _create(self, entry: LibraryEntry, n: int) -> bytes:
        seen = entry.preview_files
        if n > len(seen):
            return b""
        try:
            data = thumbnail(seen[n - 1].read_bytes(), side=_SIDE, max_bytes=_MAX_BYTES)
        except Exception:  # Pillow's decoders raise many kinds for broken data
            return b""
        self._write(self._path(entry.id, n), data)
        return data

    def forget(self, id: str) -> None:
        """Removes the thumbnails of a job record."""
        for place in self._folder.glob(f"{safe_file_name(id)}-*.jpg"):
            with suppress(OSError):
                place.unlink()

    def _path(self, id: str, number: int) -> Path:
        return self._folder / f"{safe_file_name(id)}-{number}.jpg"

    def _write(self, path: Path, data: bytes) -> None:
        """Whole or not at all; a full or read-only disk only means that it is made again."""
        part = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
