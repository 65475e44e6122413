"""The results folder: plain files that people can read, written whole or not at all.

`liangxin-results/2026-11-21/1745-a-cafe-terrace-3f9c/{1.png, metadata.json}`: a task's files are
gathered in a hidden folder beside it and appear at once, by one rename, with their story.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.job_record import JobRecord
from ..core.metadata import ResultMetadata
from ..core.public import public
from ..errors import InvalidRequestError, ResultUnavailableError
from ..imaging import extract
from .result import Result, build_result
from .staging import StagedResult, candidate_folders, metadata_file

__all__ = ["ResultStore", "read_metadata"]


class ResultStore:
    """The folder of all results; raises `InvalidRequestError` when it cannot be written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            trial = root / f".writable-{os.getpid()}"
            trial.write_bytes(b"")
            trial.unlink()
        except OSError as error:
            raise InvalidRequestError(
                f"The results folder {str(root)!r} cannot be written ({error.strerror}); nothing "
                "was sent.",
                next_step="Set LIANGXIN_RESULTS to a folder you can write to.",
            ) from None

    def stage(self, record: JobRecord) -> StagedResult:
        """A place to gather a task's files; an unfinished one of an earlier try is cleared."""
        place = self.root / f".incoming-{record.id}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return StagedResult(self.root, place, record)

    def find_saved(self, record: JobRecord) -> Result | None:
        """A result that is there although no one wrote it down: its process ended between."""
        for place in candidate_folders(self.root, record):
            if not place.exists():
                return None
            metadata = _read_metadata_file(place)
            if metadata is not None and metadata.job_id == record.id:
                return build_result(self.root, place, metadata)
        return None

    def load(self, folder: str) -> Result:
        """The result kept in a folder, named as in the ledger.

        Raises `ResultUnavailableError` without it.
        """
        metadata = _read_metadata_file(self.root / folder)
        if metadata is None:
            raise ResultUnavailableError(
                f"The folder {folder!r} is no longer in {str(self.root)!r}."
            )
        return build_result(self.root, self.root / folder, metadata)

    def resolve(self, folder: str) -> Path | None:
        """A folder named as in the ledger, where it lies on this disk: `DAY/NAME`, and no other.

        None when it is not there; a shared ledger may name anything.
        """
        parts = Path(folder).parts
        place = self.root / folder
        fits = len(parts) == 2 and not any(part.startswith(".") for part in parts)
        real = fits and not place.is_symlink() and not place.parent.is_symlink()
        return place if real and place.is_dir() else None

    @contextmanager
    def deletion(self, folder: str) -> Iterator[None]:
        """Takes a folder away at once, and for good when the body ends; an error brings it back."""
        place = self.resolve(folder)
        aside = self.root / f".deleted-{uuid.uuid4().hex}"
        if place is not None:
            place.rename(aside)
        try:
            yield
        except BaseException:
            if place is not None:
                aside.rename(place)
            raise
        if place is not None:
            shutil.rmtree(aside, ignore_errors=True)
            with suppress(OSError):  # a day with nothing left in it goes too
                place.parent.rmdir()


@public
def read_metadata(path: str | Path) -> ResultMetadata | None:
    """The story inside a picture file made by this toolkit, or None:
    `lx.read_metadata("1.png").prompt`.

    `path`: a PNG, JPEG or WebP. Raises `InvalidRequestError` when it cannot be read or is no
    picture.
    """
    try:
        text = extract(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"{str(path)!r} cannot be read as a picture ({error}).") from None
    return ResultMetadata.from_json(text) if text else None


def _read_metadata_file(place: Path) -> ResultMetadata | None:
    try:
        return ResultMetadata.from_json(metadata_file(place).read_text(encoding="utf-8"))
    except OSError:
        return None
