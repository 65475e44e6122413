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
from ..imaging import first_frame, imprinted, poster, probe
from .media_type import sniffed
from .rendering import is_poster, poster_name
from .result import Result, made

__all__ = ["STORY", "Parcel", "places"]

STORY = "story.json"


@dataclass(frozen=True)
class Parcel:
    """A place to gather a task's files; `seal` makes them a `Result`, `drop` forgets them."""

    root: Path
    place: Path
    ticket: JobRecord

    def part(self, n: int) -> Path:
        """Where the nth download goes."""
        return self.place / f"{n}.part"

    def seal(self, story: ResultMetadata, media: Sequence[TaskOutput]) -> Result:
        """Verifies every part, sets the story in, and lets the folder appear by one rename.

        Raises `ResultUnavailableError` when a part is not what it was said to be.
        """
        facts = [self._sealed(n, one.kind, story) for n, one in enumerate(media, 1)]
        return self._appear(replace(story, files=tuple(facts)))

    def adopt(self, story: ResultMetadata, contents: Mapping[str, bytes], wish: str = "") -> Result:
        """Takes in files that were kept elsewhere, byte for byte, after the same look at them.

        A film's poster may be among the `contents`; one that is no small JPEG is passed over.
        `wish`: the folder that it had there; it gets it if that is free. Raises
        `ResultUnavailableError`.
        """
        for n, file in enumerate(story.files, 1):
            name = str(file.get("name"))
            data = contents[name]
            _, ending, _ = _known(data, str(file.get("kind", "image")), n)
            if name != f"{n}.{ending}":
                raise ResultUnavailableError(f"Result {n} is no {Path(name).suffix or 'file'}.")
            _write(self.place / name, data)
        files = tuple(self._postered(dict(file), contents) for file in story.files)
        return self._appear(replace(story, files=files), wish)

    def _postered(self, file: dict[str, Any], contents: Mapping[str, bytes]) -> dict[str, Any]:
        """A film's facts with its poster, where that came along."""
        beside = poster_name(str(file["name"]))
        if file.get("kind") != "video" or not is_poster(contents.get(beside, b"")):
            return file
        _write(self.place / beside, contents[beside])
        return file | {"poster": beside}

    def _appear(self, told: ResultMetadata, wish: str = "") -> Result:
        """The folder with everything in it is there at once."""
        _write(self.place / STORY, told.to_json().encode())
        _sync(self.place)
        wished = (self.root / wish,) if wish else ()
        names = itertools.chain(wished, places(self.root, self.ticket))
        folder = next(place for place in names if not place.exists())
        folder.parent.mkdir(exist_ok=True)
        self.place.rename(folder)
        _sync(folder.parent)
        _sync(self.root)  # the day's folder may be new
        return made(self.root, folder, told)

    def drop(self) -> None:
        """Removes what has arrived so far."""
        shutil.rmtree(self.place, ignore_errors=True)

    def _sealed(self, n: int, wanted: str, story: ResultMetadata) -> dict[str, Any]:
        data = self.part(n).read_bytes()
        kind, ending, size = _known(data, wanted, n)
        # The name is made here: nothing from outside reaches the file system.
        name = f"{n}.{ending}"
        whole = imprinted(data, story.to_json()) if kind == "image" else data
        _write(self.place / name, whole)
        self.part(n).unlink()
        digest = hashlib.sha256(whole).hexdigest()
        more = self._filmed(name, ending) if kind == "video" else size
        return {"name": name, "kind": kind, "bytes": len(whole), "sha256": digest, **more}

    def _filmed(self, name: str, ending: str) -> dict[str, Any]:
        """A film's size and length, and its first picture kept beside it as a poster."""
        frame = first_frame(self.place / name, ending)
        if frame is None:
            return {}
        beside = poster_name(name)
        _write(self.place / beside, poster(frame.picture))
        facts = {"width": frame.width, "height": frame.height, "poster": beside}
        return facts | ({"seconds": frame.seconds} if frame.seconds else {})


def places(root: Path, ticket: JobRecord) -> Iterator[Path]:
    """Names that people can read: day, time, the prompt's first words, the ticket."""
    at = datetime.fromtimestamp(ticket.at).astimezone()
    name = "-".join(filter(None, (f"{at:%H%M}", _slug(ticket.request.prompt), ticket.id[:4])))
    day = root / f"{at:%Y-%m-%d}"
    yield day / name
    yield from (day / f"{name}-{n}" for n in itertools.count(2))


def _known(data: bytes, wanted: str, n: int) -> tuple[str, str, dict[str, int]]:
    """Kind, ending and size of what the bytes are, which has to fit what was promised."""
    try:
        facts = probe(data)
    except ValueError as error:
        kind, ending = sniffed(data)
        # A link's name may promise too little, but a page in place of a film is no film.
        if kind in ("video", "audio") or (kind and wanted in ("text", "file")):
            return kind, ending, {}
        article = {"image": "a usable picture", "video": "a usable video"}.get(wanted, "usable")
        raise ResultUnavailableError(f"Result {n} is not {article}: {error}.") from None
    return "image", facts.ending, {"width": facts.width, "height": facts.height}


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


def _sync(folder: Path) -> None:
    """The names in a folder on disk, where the system can do that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
