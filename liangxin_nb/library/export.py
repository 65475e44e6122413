"""Results in one zip file: each in its own folder, with its story beside it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ..errors import InvalidRequestError
from ..results import find_poster, metadata_file
from .entry import LibraryEntry

__all__ = ["export_zip"]


def export_zip(root: Path, entries: Sequence[LibraryEntry]) -> tuple[Path, int]:
    """The zip file, in `exports/` of the results folder, and how many results are in it.

    Raises `InvalidRequestError` when none of them has a file, or the disk does not take it.
    """
    there = [entry for entry in entries if entry.folder is not None]
    if not there:
        raise InvalidRequestError(
            "None of these has a file on this disk; nothing was written.",
            next_step="Choose results that are kept.",
        )
    place = _place(root / "exports", len(there))
    part = place.with_name(f".{place.name}-{os.getpid()}")
    try:
        place.parent.mkdir(exist_ok=True)
        # Pictures and films do not get smaller by packing: they are only put together.
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as zipped:
            for entry in there:
                _put(zipped, entry)
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidRequestError(f"The export cannot be written ({error.strerror}).") from None
    return place, len(there)


def _put(zipped: zipfile.ZipFile, entry: LibraryEntry) -> None:
    assert entry.folder is not None
    within = f"{entry.folder.parent.name}/{entry.folder.name}"
    paths = [
        *(entry.folder / Path(f.name).name for f in entry.files),
        metadata_file(entry.folder),
    ]
    for path in (*paths, *filter(None, map(find_poster, paths))):
        if path.is_file():
            zipped.write(path, f"{within}/{path.name}")


def _place(folder: Path, count: int) -> Path:
    """A name that says when and how many, and that is not taken."""
    stem = f"liangxin-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-{count}"
    place, n = folder / f"{stem}.zip", 1
    while place.exists():
        place, n = folder / f"{stem}-{n}.zip", n + 1
    return place
