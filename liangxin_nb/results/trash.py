"""Deleted results: they stay in `.trash/JOB_ID/DAY/NAME` until the trash is emptied."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..config.private_files import create_subfolder

__all__ = ["TRASH_DAYS", "Trash", "TrashedResult", "safe_file_name"]

#: Days after which a deleted result is removed when the gallery is opened.
TRASH_DAYS = 30
_MAX_NAMES = 100


@dataclass(frozen=True)
class TrashedResult:
    """One result in the trash.

    Attributes:
        name: The id of its job, as a file name.
        folder: The folder with its files.
        deleted_at: When it was deleted, in Unix seconds.
    """

    name: str
    folder: Path
    deleted_at: float

    @property
    def original(self) -> str:
        """Where the folder was, relative to the results folder."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())


class Trash:
    """The trash of a results folder; its folder is created with the first deletion."""

    def __init__(self, root: Path) -> None:
        self._root, self._folder = root, root / ".trash"

    def find(self, job_id: str) -> TrashedResult | None:
        """Return the deleted result of a job, or None."""
        holder = self._folder / safe_file_name(job_id)
        # A shared folder is not trusted: no symbolic links are followed.
        for folder in (self._folder, holder):
            if folder.is_symlink() or not folder.is_dir():
                return None
        folders = (f for f in holder.glob("????-??-??/*") if f.is_dir() and not f.is_symlink())
        found = next((f for f in folders if not f.parent.is_symlink()), None)
        return TrashedResult(holder.name, found, holder.stat().st_mtime) if found else None

    def results(self) -> list[TrashedResult]:
        """Return all deleted results, the newest first."""
        names = [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []
        found = [result for name in names if (result := self.find(name))]
        return sorted(found, key=lambda result: -result.deleted_at)

    @contextmanager
    def adding(self, job_id: str, path: Path) -> Iterator[None]:
        """Move a result folder into the trash and run the body; move it back on an error."""
        holder = self._folder / safe_file_name(job_id)
        if self._folder.is_symlink() or holder.is_symlink():
            raise OSError("the trash is a symbolic link")
        shutil.rmtree(holder, ignore_errors=True)  # an earlier result of the same job
        target = holder / path.parent.name / path.name
        for folder in (self._folder, holder, target.parent):
            create_subfolder(folder)
        path.rename(target)
        try:
            yield
        except BaseException:
            target.rename(path)
            raise
        with suppress(OSError):  # the folder of the day, if it is empty
            path.parent.rmdir()

    @contextmanager
    def restoring(self, result: TrashedResult) -> Iterator[str]:
        """Move a result back, and run the body with its folder; undo that on an error."""
        original = self._root / result.original
        numbered = (original.with_name(f"{original.name}-{n}") for n in range(2, _MAX_NAMES))
        path = original if not original.exists() else next(p for p in numbered if not p.exists())
        create_subfolder(path.parent)
        result.folder.rename(path)
        try:
            yield path.relative_to(self._root).as_posix()
        except BaseException:
            path.rename(result.folder)
            raise
        shutil.rmtree(self._folder / result.name, ignore_errors=True)

    def remove(self, result: TrashedResult) -> None:
        """Remove a result from the disk."""
        shutil.rmtree(self._folder / result.name, ignore_errors=True)

    def expired(self, days: float = TRASH_DAYS) -> list[TrashedResult]:
        """Return what was deleted at least this many days ago."""
        oldest = time.time() - days * 86_400
        return [result for result in self.results() if result.deleted_at <= oldest]


def safe_file_name(job_id: str) -> str:
    """Return a job id as a part of a file name; a shared ledger may hold any id."""
    return re.sub(r"[^0-9A-Za-z_-]", "_", job_id)[:32] or "_"
