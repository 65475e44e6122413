"""A task's files while they arrive: verified, given names and stories, and shown all at once."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.job_record import JobRecord
from ..core.metadata import ResultMetadata
from ..core.task import TaskOutput
from ..errors import ResultUnavailableError
from ..imaging import embed, first_frame, poster, verify
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
#: What the file was called before; results that have it are read as they are.
OLD_METADATA_FILE = "story.json"


def metadata_file(folder: Path) -> Path:
    """The file in a result's folder that describes it, under its new or its old name."""
    old = folder / OLD_METADATA_FILE
    new = folder / METADATA_FILE
    return old if old.exists() and not new.exists() else new


@dataclass(frozen=True)
class StagedResult:
    """A place to gather a task's files; `commit` makes them a `Result`, `discard` forgets them."""

    root: Path
    folder: Path
    record: JobRecord

    def part_path(self, n: int) -> Path:
        """Where the nth download goes."""
        return self.folder / f"{n}.part"

    def commit(self, metadata: ResultMetadata, outputs: Sequence[TaskOutput]) -> Result:
        """Verifies every part, sets the story in, and lets the folder appear by one rename.

        Raises `ResultUnavailableError` when a part is not what it was said to be.
        """
        facts = [self._finalize(n, one.kind, metadata) for n, one in enumerate(outputs, 1)]
        return self._publish(replace(metadata, files=tuple(facts)))

    def commit_import(
        self, metadata: ResultMetadata, contents: Mapping[str, bytes], preferred_folder: str = ""
    ) -> Result:
        """Takes in files that were kept elsewhere, byte for byte, after the same look at them.

        A film's poster may be among the `contents`; one that is no small JPEG is passed over.
        `preferred_folder`: the folder that it had there; it gets it if that is free. Raises
        `ResultUnavailableError`.
        """
        for n, file in enumerate(metadata.files, 1):
            name = str(file.get("name"))
            data = contents[name]
            _, ending, _ = _verify(data, str(file.get("kind", "image")), n)
            if name != f"{n}.{ending}":
                raise ResultUnavailableError(f"Result {n} is no {Path(name).suffix or 'file'}.")
            _write(self.folder / name, data)
        files = tuple(self._with_poster(dict(file), contents) for file in metadata.files)
        return self._publish(replace(metadata, files=files), preferred_folder)

    def _with_poster(self, file: dict[str, Any], contents: Mapping[str, bytes]) -> dict[str, Any]:
        """A film's facts with its poster, where that came along."""
        beside = poster_name(str(file["name"]))
        if file.get("kind") != "video" or not is_poster(contents.get(beside, b"")):
            return file
        _write(self.folder / beside, contents[beside])
        return file | {"poster": beside}

    def _publish(self, metadata: ResultMetadata, preferred_folder: str = "") -> Result:
        """The folder with everything in it is there at once."""
        _write(self.folder / METADATA_FILE, metadata.to_json().encode())
        _fsync_folder(self.folder)
        wished = (self.root / preferred_folder,) if preferred_folder else ()
        names = itertools.chain(wished, candidate_folders(self.root, self.record))
        folder = next(place for place in names if not place.exists())
        folder.parent.mkdir(exist_ok=True)
        self.folder.rename(folder)
        _fsync_folder(folder.parent)
        _fsync_folder(self.root)  # the day's folder may be new
        return build_result(self.root, folder, metadata)

    def discard(self) -> None:
        """Removes what has arrived so far."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _finalize(self, n: int, expected_kind: str, metadata: ResultMetadata) -> dict[str, Any]:
        data = self.part_path(n).read_bytes()
        kind, ending, size = _verify(data, expected_kind, n)
        # The name is made here: nothing from outside reaches the file system.
        name = f"{n}.{ending}"
        whole = embed(data, metadata.to_json()) if kind == "image" else data
        _write(self.folder / name, whole)
        self.part_path(n).unlink()
        digest = hashlib.sha256(whole).hexdigest()
        more = self._video_info(name, ending) if kind == "video" else size
        return {"name": name, "kind": kind, "bytes": len(whole), "sha256": digest, **more}

    def _video_info(self, name: str, ending: str) -> dict[str, Any]:
        """A film's size and length, and its first picture kept beside it as a poster."""
        frame = first_frame(self.folder / name, ending)
        if frame is None:
            return {}
        beside = poster_name(name)
        _write(self.folder / beside, poster(frame.picture))
        facts = {"width": frame.width, "height": frame.height, "poster": beside}
        return facts | ({"seconds": frame.duration_s} if frame.duration_s else {})


def candidate_folders(root: Path, record: JobRecord) -> Iterator[Path]:
    """Names that people can read: day, time, the prompt's first words, the job record."""
    at = datetime.fromtimestamp(record.created_at).astimezone()
    name = "-".join(filter(None, (f"{at:%H%M}", _slug(record.request.prompt), record.id[:4])))
    day = root / f"{at:%Y-%m-%d}"
    yield day / name
    yield from (day / f"{name}-{n}" for n in itertools.count(2))


def _verify(data: bytes, expected_kind: str, n: int) -> tuple[str, str, dict[str, int]]:
    """Kind, ending and size of what the bytes are, which has to fit what was promised."""
    try:
        info = verify(data)
    except ValueError as error:
        kind, ending = detect(data)
        # A link's name may promise too little, but a page in place of a film is no film.
        if kind in ("video", "audio") or (kind and expected_kind in ("text", "file")):
            return kind, ending, {}
        article = {"image": "a usable picture", "video": "a usable video"}.get(
            expected_kind, "usable"
        )
        raise ResultUnavailableError(f"Result {n} is not {article}: {error}.") from None
    return "image", info.suffix, {"width": info.width, "height": info.height}


def _slug(prompt: str) -> str:
    """The prompt's first words in letters and digits of any script, at most 32 of them."""
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
    """The names in a folder on disk, where the system can do that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
