"""Files that were uploaded to the sandbox: kept with its tasks, found again by their addresses."""

from __future__ import annotations

import base64
import re
import secrets
from pathlib import Path

from ..core.media_types import mime_type
from ..imaging import verify

__all__ = ["UploadStore", "detect_media_type"]

_MOST = 200  # files; then the oldest goes
_PATH = re.compile(r"/uploads/([0-9a-f]{32})/[A-Za-z0-9._-]+")


class UploadStore:
    """The uploads of a folder, or of no folder: then they are forgotten with the process."""

    def __init__(self, state: Path | None) -> None:
        self._folder = state / "uploads" if state else None
        self._uploads: dict[str, bytes] = {}

    def add(self, data: bytes, name: str) -> str:
        """Keeps a file; returns the path of its address, which no one can guess."""
        id = secrets.token_hex(16)
        if self._folder is None:
            self._uploads[id] = data
            for old in list(self._uploads)[:-_MOST]:
                del self._uploads[old]
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / id).write_bytes(data)
            files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
            for file in files[:-_MOST]:
                file.unlink()
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[-80:]
        return f"/uploads/{id}/{plain or 'file'}"

    def read(self, address: str) -> bytes | None:
        """What lies at an address or its path, None for an address of anything else."""
        found = _PATH.search(address[:2000])
        if found is None:
            return None
        if self._folder is None:
            return self._uploads.get(found[1])
        try:
            return (self._folder / found[1]).read_bytes()
        except OSError:
            return None

    def size_of(self, address: str) -> str:
        """The picture at an address as a data URI, empty where there is none of ours."""
        data = self.read(address)
        if data is None or not (kind := detect_media_type(data)).startswith("image/"):
            return ""
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def detect_media_type(data: bytes) -> str:
    """The media type of a file, by its bytes."""
    try:
        return mime_type(verify(data).suffix)
    except ValueError:
        return mime_type("bin")
