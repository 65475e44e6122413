"""Files that were uploaded to the sandbox."""

from __future__ import annotations

import base64
import re
import secrets
from pathlib import Path

from ..core.media_types import mime_type
from ..imaging import verify

__all__ = ["UploadStore", "detect_media_type"]

_MAX_FILES = 200  # then the oldest is deleted
_PATH = re.compile(r"/uploads/([0-9a-f]{32})/[A-Za-z0-9._-]+")


class UploadStore:
    """Saves uploads.

    Args:
        state: Parent of the folder for uploads, None to keep them in memory.
    """

    def __init__(self, state: Path | None) -> None:
        self._folder = state / "uploads" if state else None
        self._uploads: dict[str, bytes] = {}

    def add(self, data: bytes, name: str) -> str:
        """Save a file and return the path of its URL, which contains a random id."""
        upload_id = secrets.token_hex(16)
        if self._folder is None:
            self._uploads[upload_id] = data
            for oldest in list(self._uploads)[:-_MAX_FILES]:
                del self._uploads[oldest]
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / upload_id).write_bytes(data)
            files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
            for file in files[:-_MAX_FILES]:
                file.unlink()
        safe_name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[-80:]
        return f"/uploads/{upload_id}/{safe_name or 'file'}"

    def read(self, url: str) -> bytes | None:
        """Return the upload of a URL or of its path, None for any other URL."""
        match = _PATH.search(url[:2000])
        if match is None:
            return None
        if self._folder is None:
            return self._uploads.get(match[1])
        try:
            return (self._folder / match[1]).read_bytes()
        except OSError:
            return None

    def to_data_uri(self, url: str) -> str:
        """Return an uploaded picture as a data URI, empty for any other URL."""
        data = self.read(url)
        if data is None or not (media_type := detect_media_type(data)).startswith("image/"):
            return ""
        return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def detect_media_type(data: bytes) -> str:
    """Return the media type of a file from its content."""
    try:
        return mime_type(verify(data).suffix)
    except ValueError:
        return mime_type("bin")
