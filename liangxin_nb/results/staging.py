"""Staging of a result: files are verified, named and committed together by one rename."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..config.private_files import create_subfolder, match_files
from ..core.formatting import local_datetime
from ..core.job_record import JobRecord
from ..core.media_types import canonical_suffix, kind_of
from ..core.metadata import ResultMetadata
from ..core.task import TaskOutput
from ..errors import ResultUnavailableError
from ..imaging import embed, first_frame, poster
from .inspection import FileType, inspect_file
from .posters import is_poster, poster_name
from .result import Result, build_result
from .standard_metadata import build_texts, build_xmp

__all__ = [
    "METADATA_FILE",
    "OLD_METADATA_FILE",
    "ORIGIN_FILE",
    "StagedResult",
    "candidate_folders",
    "metadata_file",
]

METADATA_FILE = "metadata.json"
#: The name that version 0.1.0 used; such results are read in place.
OLD_METADATA_FILE = "story.json"
#: Marks a result that came from an archive, for a ledger that is rebuilt.
ORIGIN_FILE = ".imported"


def metadata_file(folder: Path) -> Path:
    """Return the metadata file of a result folder, under its current or its old name."""
    old = folder / OLD_METADATA_FILE
    new = folder / METADATA_FILE
    return old if old.exists() and not new.exists() else new


@dataclass(frozen=True)
class StagedResult:
    """A hidden folder that collects the files of one result before it is committed.

    Attributes:
        root: The results folder.
        folder: The hidden folder.
        record: The record of the job.
    """

    root: Path
    folder: Path
    record: JobRecord
    _types: dict[int, FileType] = field(default_factory=dict, repr=False, compare=False)

    def part_path(self, n: int) -> Path:
        """Return the path for download `n` (from 1)."""
        return self.folder / f"{n}.part"

    def check(
        self, n: int, output: TaskOutput, content_type: str = "", *, may_be_cut_off: bool = False
    ) -> None:
        """Check that download `n` is a result: complete, and not an error page.

        Args:
            n: The number of the output, from 1.
            output: The task's output.
            content_type: What the server declared, used if the content is of no known format.
            may_be_cut_off: Accept a file that is shorter than its format says.

        Raises:
            ResultUnavailableError: If it is not; `retryable`, since the file may come later.
        """
        try:
            self._types[n] = inspect_file(
                self.part_path(n), output, content_type, may_be_cut_off=may_be_cut_off
            )
        except ValueError as error:
            expected = {"image": "a usable picture", "video": "a usable video"}
            description = expected.get(output.kind, "usable")
            problem = ResultUnavailableError(f"Result {n} is not {description}: {error}.")
            problem.retryable = True
            raise problem from None

    def commit(self, metadata: ResultMetadata, outputs: Sequence[TaskOutput]) -> Result:
        """Embed the metadata into the downloads and publish the folder by one rename.

        Args:
            metadata: The metadata, without files; its missing outputs were not downloaded.
            outputs: All outputs of the task, in order.

        Returns:
            The saved result.

        Raises:
            ResultUnavailableError: If a file is not a result.
        """
        return self._publish(replace(metadata, files=self._finalize_all(metadata, outputs)))

    def commit_missing(
        self, saved: Result, metadata: ResultMetadata, outputs: Sequence[TaskOutput]
    ) -> Result:
        """Add outputs to a result that was saved in part.

        The new files appear in the folder before its metadata file is replaced.

        Args:
            saved: The saved result.
            metadata: Its metadata with the outputs that are missing now.
            outputs: All outputs of the task, in order.

        Returns:
            The result with the new files.
        """
        files = [*saved.metadata.files, *self._finalize_all(metadata, outputs)]
        files.sort(key=lambda file: file_number(str(file["name"])))
        metadata = replace(metadata, files=tuple(files))
        _write(self.folder / METADATA_FILE, metadata.to_json().encode())
        match_files(self.folder)
        names = sorted(path.name for path in self.folder.iterdir())
        for name in sorted(names, key=METADATA_FILE.__eq__):  # the metadata file is the last
            (self.folder / name).replace(saved.folder / name)
        _fsync_folder(saved.folder)
        return build_result(self.root, saved.folder, metadata)

    def _finalize_all(
        self, metadata: ResultMetadata, outputs: Sequence[TaskOutput]
    ) -> tuple[dict[str, Any], ...]:
        """Turn the downloads into their final files and return the files' metadata."""
        files = []
        for n, output in enumerate(outputs, 1):
            if self.part_path(n).exists():
                if n not in self._types:
                    self.check(n, output, may_be_cut_off=True)
                files.append(self._finalize(n, self._types[n], metadata))
        return tuple(files)

    def commit_import(
        self,
        metadata: ResultMetadata,
        extract: Callable[[str, Path], None],
        posters: Mapping[str, bytes],
        preferred_folder: str = "",
    ) -> Result:
        """Publish files that were saved elsewhere, unchanged, after the same verification.

        Args:
            metadata: The metadata, with its files.
            extract: Writes the file of a name to a path.
            posters: The posters of videos by name; one that is not a small JPEG is ignored.
            preferred_folder: The folder that the result had elsewhere, used if it is free.

        Returns:
            The saved result.

        Raises:
            ResultUnavailableError: If a file is not what the metadata says, or not of the kind
                that its name says.
        """
        for file in metadata.files:
            name = str(file["name"])
            path = self.part_path(file_number(name))
            extract(name, path)
            if _sync_and_hash(path) != (file.get("bytes"), file.get("sha256")):
                raise ResultUnavailableError("not what the ledger says")
            self._check_import(name, str(file.get("kind", "image")))
            path.replace(self.folder / name)
        files = tuple(self._with_poster(dict(file), posters) for file in metadata.files)
        return self._publish(replace(metadata, files=files), preferred_folder)

    def _check_import(self, name: str, kind: str) -> None:
        """Check that a file that was saved elsewhere has the suffix of its content."""
        n = file_number(name)
        self.check(n, TaskOutput("", kind), may_be_cut_off=True)
        kind, suffix = self._types[n].kind, self._types[n].suffix
        # An earlier version detected fewer formats and may have chosen another suffix.
        earlier = {f"{n}.{canonical_suffix(name)}"}
        if kind == "image" or kind_of(name) not in (kind, "file", "text"):
            earlier.clear()
        if name not in {f"{n}.{suffix}", *earlier}:
            raise ResultUnavailableError(f"Result {n} is not a {Path(name).suffix or '?'} file.")

    def _with_poster(self, file: dict[str, Any], posters: Mapping[str, bytes]) -> dict[str, Any]:
        """Write the poster of a video, if there is one, and return the file's metadata."""
        name = poster_name(str(file["name"]))
        if file.get("kind") != "video" or not is_poster(posters.get(name, b"")):
            return file
        _write(self.folder / name, posters[name])
        return file | {"poster": name}

    def _publish(self, metadata: ResultMetadata, preferred_folder: str = "") -> Result:
        """Write the metadata file and rename the hidden folder to its final name."""
        _write(self.folder / METADATA_FILE, metadata.to_json().encode())
        if self.record.origin:
            _write(self.folder / ORIGIN_FILE, self.record.origin.encode())
        match_files(self.folder)
        _fsync_folder(self.folder)
        preferred = (self.root / preferred_folder,) if preferred_folder else ()
        candidates = itertools.chain(preferred, candidate_folders(self.root, self.record))
        folder = next(candidate for candidate in candidates if not candidate.exists())
        create_subfolder(folder.parent)
        self.folder.rename(folder)
        _fsync_folder(folder.parent)
        _fsync_folder(self.root)  # the folder of the day may be new
        return build_result(self.root, folder, metadata)

    def discard(self) -> None:
        """Remove the hidden folder with the downloads so far."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _finalize(self, n: int, file: FileType, metadata: ResultMetadata) -> dict[str, Any]:
        """Turn download `n` into its final file and return the file's metadata."""
        # No name from the service reaches the file system.
        name, part = f"{n}.{file.suffix}", self.part_path(n)
        if file.kind == "image":
            data = part.read_bytes()
            embedded = embed(
                data, metadata.to_json(), texts=build_texts(metadata), xmp=build_xmp(metadata)
            )
            if embedded != data:
                part.write_bytes(embedded)
        part.replace(self.folder / name)
        size, digest = _sync_and_hash(self.folder / name)
        extra = self._video_info(name, file.suffix) if file.kind == "video" else file.details
        return {"name": name, "kind": file.kind, "bytes": size, "sha256": digest, **extra}

    def _video_info(self, name: str, suffix: str) -> dict[str, Any]:
        """Write the poster of a video; return its size, its duration and the poster's name."""
        frame = first_frame(self.folder / name, suffix)
        if frame is None:
            return {}
        poster_file = poster_name(name)
        _write(self.folder / poster_file, poster(frame.picture))
        info = {"width": frame.width, "height": frame.height, "poster": poster_file}
        return info | ({"seconds": frame.duration_s} if frame.duration_s else {})


def candidate_folders(root: Path, record: JobRecord) -> Iterator[Path]:
    """Yield readable folder names: day, time, first words of the prompt, job id."""
    created = local_datetime(record.created_at)
    parts = (f"{created:%H%M}", _slug(record.request.prompt), record.id[:4])
    name = "-".join(filter(None, parts))
    day = root / f"{created:%Y-%m-%d}"
    yield day / name
    yield from (day / f"{name}-{n}" for n in itertools.count(2))


def file_number(name: str) -> int:
    """Return the number of the output that a file of a result holds, or 0."""
    number = name.partition(".")[0]
    return int(number) if number.isdecimal() and len(number) <= 4 else 0


def _slug(prompt: str) -> str:
    """Return the first words of a prompt, at most 32 letters and digits that names may have."""
    text = unicodedata.normalize("NFKC", prompt).lower()[:200]
    encoding = sys.getfilesystemencoding()  # UTF-8, except in a few locales
    text = text.encode(encoding, "ignore").decode(encoding)
    slug = ""
    for word in "".join(c if c.isalnum() else " " for c in text).split():
        if slug and len(slug) + len(word) >= 32:
            break
        slug = f"{slug}-{word}".strip("-")[:32]
    return slug


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_and_hash(path: Path) -> tuple[int, str]:
    """Sync a file to the disk; return its size and its SHA-256. It is read in small pieces."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


def _fsync_folder(folder: Path) -> None:
    """Sync the names in a folder, where the operating system supports it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
