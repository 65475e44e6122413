"""Small JPEGs of saved pictures, made once and stored in the results folder.

Gallery and notebook outputs use them. The hook that writes outputs while a notebook is saved reads
them and decodes no originals.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..config.private_files import create_subfolder, match_folder
from ..core.foreign_file import open_foreign_file, read_foreign_file
from ..imaging import THUMBNAIL_BYTES, thumbnail
from .trash import safe_file_name

__all__ = ["LARGE", "SMALL", "ThumbnailCache", "ThumbnailSize"]

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


class ThumbnailSize(NamedTuple):
    """One size of thumbnails.

    Attributes:
        side: Pixels of the longer side at most.
        max_bytes: Bytes at most.
        suffix: The end of the file names.
    """

    side: int
    max_bytes: int
    suffix: str


#: For a gallery, where a page of 24 sends half a megabyte, and for one of several pictures.
SMALL = ThumbnailSize(384, 24_000, "")
#: For one picture in a notebook.
LARGE = ThumbnailSize(1024, THUMBNAIL_BYTES, "-large")


class ThumbnailCache:
    """The thumbnails of a results folder; their folder is created with the first one."""

    def __init__(self, root: Path) -> None:
        self._folder = root / ".thumbnails"
        # A second thread that needs the same page finds the thumbnails of the first.
        self._lock = threading.Lock()

    def cached(self, job_id: str, picture: Path, size: ThumbnailSize = SMALL) -> bytes:
        """Return the thumbnail of a job's picture; empty if it does not exist yet."""
        path = self._path(job_id, picture, size)
        # A shared folder is not trusted: no symbolic links are followed.
        if self._folder.is_symlink() or path.is_symlink():
            return b""
        try:
            data = read_foreign_file(path, size.max_bytes)
        except ValueError:
            return b""
        is_complete = data.startswith(_JPEG_START) and data.endswith(_JPEG_END)
        return data if is_complete else b""

    def make(self, job_id: str, picture: Path, size: ThumbnailSize = SMALL) -> bytes:
        """Return the thumbnail of a job's picture; create it if needed.

        Args:
            job_id: The job. Without one, nothing is stored.
            picture: The picture, or the poster of a video.
            size: The size.

        Raises:
            ValueError: If it cannot be read or is not a picture.
        """
        with self._lock:
            return self.cached(job_id, picture, size) or self._create(job_id, picture, size)

    def _create(self, job_id: str, picture: Path, size: ThumbnailSize) -> bytes:
        with open_foreign_file(picture) as file:
            data = thumbnail(file, side=size.side, max_bytes=size.max_bytes)
        if job_id and not self._folder.is_symlink():
            self._write(self._path(job_id, picture, size), data)
        return data

    def remove(self, job_id: str) -> None:
        """Remove the thumbnails of a job."""
        if self._folder.is_symlink():
            return
        for path in self._folder.glob(f"{safe_file_name(job_id)}-*.jpg"):
            with suppress(OSError):
                path.unlink()

    def _path(self, job_id: str, picture: Path, size: ThumbnailSize) -> Path:
        # By the number of the output: others may be added to a result that was saved in part.
        return self._folder / f"{safe_file_name(job_id)}-{picture.stem}{size.suffix}.jpg"

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file atomically; ignore a full or read-only disk."""
        part = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
        with suppress(OSError):
            create_subfolder(path.parent)
            part.unlink(missing_ok=True)
            with part.open("xb") as file:
                file.write(data)
            match_folder(part)
            part.replace(path)
