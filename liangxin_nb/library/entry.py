"""One thing on the shelf: a job record, what is kept of it, and what kind of thing that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..core.job_record import JobRecord
from ..ledger import File, JobWithFiles
from ..results import find_poster

__all__ = ["LibraryEntry", "kind_of", "safe_file_name"]

# Kept files get their names here, so that a name's ending says what its bytes are.
_KINDS = {
    "image": ("png", "jpg", "webp", "gif", "avif"),
    "video": ("mp4", "mov", "webm"),
    "audio": ("m4a", "mp3", "wav", "ogg", "flac"),
    "text": ("txt", "json"),
}
_KIND_BY_SUFFIX = {ending: kind for kind, endings in _KINDS.items() for ending in endings}


def kind_of(name: str) -> str:
    """The kind of a kept file: image, video, audio, text or file."""
    return _KIND_BY_SUFFIX.get(name.rpartition(".")[2].lower(), "file")


@dataclass(frozen=True)
class LibraryEntry:
    """A record on the shelf. `folder`: where its files lie, None when they are not on this disk."""

    row: JobWithFiles
    folder: Path | None

    @property
    def record(self) -> JobRecord:
        """The ledger's job record."""
        return self.row.record

    @property
    def id(self) -> str:
        """The job record's id."""
        return self.row.record.id

    @property
    def files(self) -> tuple[File, ...]:
        """What was kept, in order."""
        return self.row.files

    @property
    def kind(self) -> str:
        """What it is: the kind of its first file, or empty when nothing is kept."""
        return kind_of(self.files[0].name) if self.files and self.record.folder else ""

    @property
    def pictures(self) -> tuple[File, ...]:
        """Those of its files that are pictures."""
        return tuple(file for file in self.files if kind_of(file.name) == "image")

    @property
    def visible(self) -> bool:
        """Whether there is, or was, something of it to look at."""
        return bool(self.pictures) or self.kind == "video"

    @property
    def preview_files(self) -> tuple[Path, ...]:
        """The files that show how it looks: its pictures, or its films' posters."""
        if self.folder is None:
            return ()
        if self.pictures:
            return tuple(self.folder / Path(file.name).name for file in self.pictures)
        films = (file for file in self.files if kind_of(file.name) == "video")
        posters = (find_poster(self.folder / Path(film.name).name) for film in films)
        return tuple(filter(None, posters))

    @property
    def files_missing(self) -> bool:
        """Whether the ledger says that it is kept, but its files are no longer there."""
        return self.record.status == "saved" and self.folder is None

    def path(self, file: File) -> Path | None:
        """Where one of its files lies."""
        # A ledger may be shared: no name of it leads out of the folder.
        return self.folder / Path(file.name).name if self.folder else None


def safe_file_name(id: str) -> str:
    """A job record's id as a part of a file's name; a shared ledger may hold anything."""
    return re.sub(r"[^0-9A-Za-z_-]", "_", id)[:32]
