"""Small pictures on disk, made once: `.thumbnails/<ticket>-<n>.jpg` in the results folder."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from ..imaging import thumbnail
from .entry import Entry, safe

__all__ = ["Thumbnails"]

#: Pixels of the longer side, and bytes: 24 of them are half a megabyte on the way to the browser.
_SIDE, _BUDGET = 384, 24_000
_START = b"\xff\xd8"


class Thumbnails:
    """The thumbnails of a results folder; the folder is made with the first one."""

    def __init__(self, root: Path) -> None:
        self._folder = root / ".thumbnails"
        # Two who want the same page share the work: the second finds what the first has made.
        self._making = threading.Lock()

    def held(self, entry: Entry, n: int = 1) -> bytes:
        """The nth thumbnail as it lies there; empty when it was never made."""
        try:
            data = self._place(entry.id, n).read_bytes()
        except OSError:
            return b""
        return data if data.startswith(_START) else b""

    def make(self, entry: Entry, n: int = 1) -> bytes:
        """The thumbnail of the nth picture or film, made where there is none yet.

        Empty when there is nothing to see of it, or nothing that can be read.
        """
        with self._making:
            return self.held(entry, n) or self._made(entry, n)

    def _made(self, entry: Entry, n: int) -> bytes:
        seen = entry.seen
        if n > len(seen):
            return b""
        try:
            data = thumbnail(seen[n - 1].read_bytes(), side=_SIDE, max_bytes=_BUDGET)
        except Exception:  # Pillow's decoders raise many kinds for broken data
            return b""
        self._write(self._place(entry.id, n), data)
        return data

    def forget(self, id: str) -> None:
        """Removes the thumbnails of a ticket."""
        for place in self._folder.glob(f"{safe(id)}-*.jpg"):
            with suppress(OSError):
                place.unlink()

    def _place(self, id: str, n: int) -> Path:
        return self._folder / f"{safe(id)}-{n}.jpg"

    def _write(self, place: Path, data: bytes) -> None:
        """Whole or not at all; a full or read-only disk only means that it is made again."""
        part = place.with_name(f".{place.name}-{os.getpid()}-{threading.get_ident()}")
        with suppress(OSError):
            place.parent.mkdir(exist_ok=True)
            part.write_bytes(data)
            part.replace(place)
