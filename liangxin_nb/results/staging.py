"""Staging of a result: files are verified, named and committed together by one rename."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.formatting import local_datetime
from ..core.job_record import JobRecord
from ..core.media_types import canonical_suffix, kind_of
from ..core.metadata import ResultMetadata
from ..core.task import TaskOutput
from ..errors import ResultUnavailableError
from ..imaging import can_decode, embed, first_frame, poster, verify
from .media_type import detect
from .rendering import is_poster, poster_name
from .result import Result, build_result

__all__ = [
    "METADATA_FILE",
    "OLD_METADATA_FILE",
    "StagedResult",
    "candidate_folders",
    "metadata_file",
]

METADATA_FILE = "metadata.json"
#: The name that version 0.1.0 used; such results are read in place.
OLD_METADATA_FILE = "story.json"


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

    def part_path(self, n: int) -> Path:
        """Return the path for download `n` (from 1)."""
        return self.folder / f"{n}.part"

    def commit(self, metadata: ResultMetadata, outputs: Sequence[TaskOutput]) -> Result:
        """Verify the downloads, embed the metadata and publish the folder by one rename.

        Args:
            metadata: The metadata, without files.
            outputs: The task's output of each download, in order.

        Returns:
            The saved result.

        Raises:
            ResultUnavailableError: If a file is not of the kind that the service named.
        """
        files = [self._finalize(n, output.kind, metadata) for n, output in enumerate(outputs, 1)]
        return self._publish(replace(metadata, files=tuple(files)))

    def commit_import(
        self, metadata: ResultMetadata, contents: Mapping[str, bytes], preferred_folder: str = ""
    ) -> Result:
        """Publish files that were saved elsewhere, unchanged, after the same verification.

        Args:
            metadata: The metadata, with its files.
            contents: The bytes of each file by name. The poster of a video is optional; one that
                is not a small JPEG is ignored.
            preferred_folder: The folder that the result had elsewhere, used if it is free.

        Returns:
            The saved result.

        Raises:
            ResultUnavailableError: If a file is not of the kind that its name says.
        """
        for n, file in enumerate(metadata.files, 1):
            name = str(file.get("name"))
            data = contents[name]
            kind, suffix, _ = _verify(data, str(file.get("kind", "image")), n)
            # An earlier version detected fewer formats and may have chosen another suffix.
            earlier = {f"{n}.{canonical_suffix(name)}"}
            if kind == "image" or kind_of(name) not in (kind, "file", "text"):
                earlier.clear()
            if name not in {f"{n}.{suffix}", *earlier}:
                raise ResultUnavailableError(f"Result {n} is no {Path(name).suffix or 'file'}.")
            _write(self.folder / name, data)
        files = tuple(self._with_poster(dict(file), contents) for file in metadata.files)
        return self._publish(replace(metadata, files=files), preferred_folder)

    def _with_poster(self, file: dict[str, Any], contents: Mapping[str, bytes]) -> dict[str, Any]:
        """Write the poster of a video, if there is one, and return the file's metadata."""
        name = poster_name(str(file["name"]))
        if file.get("kind") != "video" or not is_poster(contents.get(name, b"")):
            return file
        _write(self.folder / name, contents[name])
        return file | {"poster": name}

    def _publish(self, metadata: ResultMetadata, preferred_folder: str = "") -> Result:
        """Write the metadata file and rename the hidden folder to its final name."""
        _write(self.folder / METADATA_FILE, metadata.to_json().encode())
        _fsync_folder(self.folder)
        preferred = (self.root / preferred_folder,) if preferred_folder else ()
        candidates = itertools.chain(preferred, candidate_folders(self.root, self.record))
        folder = next(candidate for candidate in candidates if not candidate.exists())
        folder.parent.mkdir(exist_ok=True)
        self.folder.rename(folder)
        _fsync_folder(folder.parent)
        _fsync_folder(self.root)  # the folder of the day may be new
        return build_result(self.root, folder, metadata)

    def discard(self) -> None:
        """Remove the hidden folder with the downloads so far."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _finalize(self, n: int, expected_kind: str, metadata: ResultMetadata) -> dict[str, Any]:
        """Turn download `n` into its final file and return the file's metadata."""
        data = self.part_path(n).read_bytes()
        kind, suffix, size = _verify(data, expected_kind, n)
        # No name from the service reaches the file system.
        name = f"{n}.{suffix}"
        content = embed(data, metadata.to_json()) if kind == "image" else data
        _write(self.folder / name, content)
        self.part_path(n).unlink()
        digest = hashlib.sha256(content).hexdigest()
        extra = self._video_info(name, suffix) if kind == "video" else size
        return {"name": name, "kind": kind, "bytes": len(content), "sha256": digest, **extra}

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


def _verify(data: bytes, expected_kind: str, n: int) -> tuple[str, str, dict[str, int]]:
    """Return kind, suffix and size of a file; raise if it is not of the expected kind."""
    try:
        info = verify(data)
    except ValueError as error:
        kind, suffix = detect(data)
        if kind == "image":
            # Broken, or of a format that this Pillow cannot decode: then the file is still saved.
            kind = "" if can_decode(suffix) and expected_kind == "image" else "file"
        # An error message in place of an image, video or audio file is not a result.
        if kind in ("video", "audio", "file") or (kind and expected_kind in ("text", "file")):
            return kind, suffix, {}
        expected = {"image": "a usable picture", "video": "a usable video"}
        description = expected.get(expected_kind, "usable")
        raise ResultUnavailableError(f"Result {n} is not {description}: {error}.") from None
    return "image", info.suffix, {"width": info.width, "height": info.height}


def _slug(prompt: str) -> str:
    """Return the first words of a prompt, at most 32 letters and digits of any script."""
    text = unicodedata.normalize("NFKC", prompt).lower()
    spaced = "".join(c if c.isalnum() else " " for c in text[:200])
    slug = ""
    for word in spaced.split():
        if slug and len(slug) + len(word) >= 32:
            break
        slug = f"{slug}-{word}".strip("-")[:32]
    return slug


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _fsync_folder(folder: Path) -> None:
    """Sync the names in a folder, where the operating system supports it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
