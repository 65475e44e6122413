"""The posters of videos: small JPEGs with the first frame, or with the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.formatting import first_line, format_bytes, format_duration
from ..imaging import POSTER_BYTES, poster, verify

__all__ = ["describe_file", "find_poster", "is_poster", "poster_for", "poster_name"]


def poster_name(video: str) -> str:
    """Return the name of a video's poster: 1.poster.jpg for 1.mp4."""
    return f"{Path(video).name.partition('.')[0]}.poster.jpg"


def find_poster(video: Path) -> Path | None:
    """Return the poster next to a video, or None; symbolic links and large files are ignored."""
    path = video.with_name(poster_name(video.name))
    try:
        is_usable = path.is_file() and not path.is_symlink() and path.stat().st_size <= POSTER_BYTES
    except OSError:
        return None
    return path if is_usable else None


def is_poster(data: bytes) -> bool:
    """Return whether bytes are a JPEG that is small enough for a poster."""
    try:
        return len(data) <= POSTER_BYTES and verify(data).suffix == "jpg"
    except ValueError:
        return False


def poster_for(path: Path, file: Mapping[str, Any], prompt: str) -> bytes:
    """Return the poster of a video: the saved one, or a drawn one with its prompt and size."""
    with suppress(OSError):
        saved = find_poster(path) if "poster" in file else None
        if saved is not None and is_poster(data := saved.read_bytes()):
            return data
    return poster(lines=[first_line(prompt), f"Film · {describe_file(file)}"])


def describe_file(file: Mapping[str, Any]) -> str:
    """Return the known duration and size of a file and its note, such as `5 s · 1.9 MB`."""
    duration_s, size = file.get("seconds"), file.get("bytes")
    parts = [format_duration(duration_s)] if isinstance(duration_s, int | float) else []
    parts += [format_bytes(size)] if isinstance(size, int | float) else []
    parts += [str(file["note"])[:200]] if file.get("note") else []
    return " · ".join(parts)
