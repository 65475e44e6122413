"""One entry of the library: a job record, its files and their kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.job_record import JobRecord
from ..core.media_types import kind_of
from ..ledger import File, JobWithFiles
from ..results import find_poster

__all__ = ["LibraryEntry"]


@dataclass(frozen=True)
class LibraryEntry:
    """One job of the library.

    Attributes:
        row: The job record and its files.
        folder: The folder of the files, or None if they are not on this disk.
    """

    row: JobWithFiles
    folder: Path | None

    @property
    def record(self) -> JobRecord:
        """The job record."""
        return self.row.record

    @property
    def id(self) -> str:
        """The id of the job."""
        return self.row.record.id

    @property
    def files(self) -> tuple[File, ...]:
        """The saved files, in order."""
        return self.row.files

    @property
    def kind(self) -> str:
        """The kind of the first file: image, video, audio, text or file; empty without files."""
        return kind_of(self.files[0].name) if self.files and self.record.folder else ""

    @property
    def pictures(self) -> tuple[File, ...]:
        """The files that are pictures."""
        return tuple(file for file in self.files if kind_of(file.name) == "image")

    @property
    def visible(self) -> bool:
        """Whether it has pictures or a video, even if their files are missing."""
        return bool(self.pictures) or self.kind == "video"

    @property
    def preview_files(self) -> tuple[Path, ...]:
        """The files to make a preview from: the pictures, or the posters of videos."""
        if self.folder is None:
            return ()
        if self.pictures:
            return tuple(self.folder / Path(file.name).name for file in self.pictures)
        videos = (file for file in self.files if kind_of(file.name) == "video")
        posters = (find_poster(self.folder / Path(video.name).name) for video in videos)
        return tuple(filter(None, posters))

    @property
    def files_missing(self) -> bool:
        """Whether it was saved but its files are no longer on this disk."""
        return self.record.status == "saved" and self.folder is None

    def path(self, file: File) -> Path | None:
        """Return the path of one of the files, or None if it is not on this disk."""
        # A shared ledger is not trusted: its file names cannot leave the folder.
        return self.folder / Path(file.name).name if self.folder else None
