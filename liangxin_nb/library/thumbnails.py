"""Thumbnails on disk, created once: `.thumbnails/JOB_ID-N.jpg` in the results folder."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from ..config.private_files import create_subfolder, match_folder
from ..imaging import thumbnail
from .entry import LibraryEntry, safe_file_name

__all__ = ["ThumbnailCache"]

#: Pixels of the longer side, and bytes: a page of 24 sends half a megabyte to the browser.
_SIDE, _MAX_BYTES = 384, 24_000
_JPEG_START = b"\xff\xd8"


class ThumbnailCache:
    """The thumbnails of a results folder; their folder is created with the first one."""

    def __init__(self, root: Path) -> None:
        self._folder = root / ".thumbnails"
        # A second thread that needs the same page finds the thumbnails of the first.
        self._lock = threading.Lock()

    def cached(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """Return the thumbnail of picture `n` (from 1); empty if it does not exist yet."""
        try:
            data = self._path(entry.id, n).read_bytes()
        except OSError:
            return b""
        return data if data.startswith(_JPEG_START) else b""

    def make(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """Return the thumbnail of picture or video `n` (from 1); create it if needed.

        Returns:
            A JPEG; empty if there is no picture or it cannot be read.
        """
        with self._lock:
            return self.cached(entry, n) or self._create(entry, n)

    def _create(self, entry: LibraryEntry, n: int) -> bytes:
        files = entry.preview_files
        if n > len(files):
            return b""
        try:
            data = thumbnail(files[n - 1], side=_SIDE, max_bytes=_MAX_BYTES)
        except Exception:  # Pillow's decoders raise many types for broken data
            return b""
        self._write(self._path(entry.id, n), data)
        return data

    def remove(self, job_id: str) -> None:
        """Remove the thumbnails of a job."""
        for path in self._folder.glob(f"{safe_file_name(job_id)}-*.jpg"):
            with suppress(OSError):
                path.unlink()

    def _path(self, job_id: str, number: int) -> Path:
        return self._folder / f"{safe_file_name(job_id)}-{number}.jpg"

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file atomically; ignore a full or read-only disk."""
        part = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
        with suppress(OSError):
            create_subfolder(path.parent)
            part.write_bytes(data)
            match_folder(part)
            part.replace(path)
