"""The results folder: plain files that people can read, written whole or not at all.

`liangxin-results/2026-11-21/1745-a-cafe-terrace-3f9c/{1.png, story.json}`: a task's files are
gathered in a hidden folder beside it and appear at once, by one rename, with their story.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from .errors import InvalidRequest, ResultLost
from .pictures import imprinted, probe, sheet, text_of
from .stories import Story
from .ticket import Ticket

__all__ = ["Parcel", "Result", "Results", "story"]

_STORY = "story.json"


@dataclass(frozen=True)
class Result:
    """What is kept of a task: its story and its files; a notebook shows it as a picture.

    `folder` and `paths` are absolute; `place` is the first file's path below the results folder.
    """

    story: Story
    folder: Path
    paths: tuple[Path, ...]
    place: str

    @property
    def task_id(self) -> str:
        """The service's id of the task."""
        return self.story.task_id

    @property
    def prompt(self) -> str:
        """The prompt, as it was sent."""
        return self.story.prompt

    def read(self) -> list[bytes]:
        """The bytes of every file, in order."""
        return [path.read_bytes() for path in self.paths]

    def thumbnail(self) -> bytes:
        """One JPEG within the notebook's budget; several pictures side by side."""
        return sheet(self.read())

    def __repr__(self) -> str:
        file = self.story.files[0] if self.story.files else {}
        size = f" {file.get('width')}×{file.get('height')}" if file.get("width") else ""
        return f"<Result {self.story.model}{size} · {self.story.task_id} · {self.place}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The durable output: a real image/jpeg and one stable line."""
        image = base64.b64encode(self.thumbnail()).decode()
        return {"image/jpeg": image, "text/plain": repr(self)}


class Results:
    """The folder of all results; raises `InvalidRequest` when it cannot be written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            trial = root / f".writable-{os.getpid()}"
            trial.write_bytes(b"")
            trial.unlink()
        except OSError as error:
            raise InvalidRequest(
                f"The results folder {str(root)!r} cannot be written ({error.strerror}); nothing "
                "was sent.",
                next_step="Set LIANGXIN_RESULTS to a folder you can write to.",
            ) from None

    def parcel(self, ticket: Ticket) -> Parcel:
        """A place to gather a task's files; an unfinished one of an earlier try is cleared."""
        place = self.root / f".incoming-{ticket.id}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return Parcel(self.root, place, ticket)

    def found(self, ticket: Ticket) -> Result | None:
        """A result that is there although nobody wrote it down: its process ended between."""
        for place in _places(self.root, ticket):
            if not place.exists():
                return None
            result = self.load(place.relative_to(self.root).as_posix())
            if result.story.ticket == ticket.id:
                return result
        return None

    def load(self, folder: str) -> Result:
        """The result kept in a folder, named as in the ledger; raises `ResultLost` without it."""
        place = self.root / folder
        try:
            told = Story.read((place / _STORY).read_text(encoding="utf-8"))
        except OSError:
            told = None
        if told is None:
            raise ResultLost(f"The folder {folder!r} is no longer in {str(self.root)!r}.")
        return _result(self.root, place, told)


@dataclass(frozen=True)
class Parcel:
    """A task's files while they arrive; `seal` makes them a `Result`, `drop` forgets them."""

    root: Path
    place: Path
    ticket: Ticket

    def part(self, n: int) -> Path:
        """Where the nth download goes."""
        return self.place / f"{n}.part"

    def seal(self, story: Story, count: int) -> Result:
        """Verifies every part, sets the story in, and lets the folder appear by one rename.

        Raises `ResultLost` when a part is no picture.
        """
        facts = [self._sealed(n, story) for n in range(1, count + 1)]
        told = replace(story, files=tuple(facts))
        _write(self.place / _STORY, told.text().encode())
        folder = _free(self.root, self.ticket)
        folder.parent.mkdir(exist_ok=True)
        self.place.rename(folder)
        _sync(folder.parent)
        return _result(self.root, folder, told)

    def drop(self) -> None:
        """Removes what has arrived so far."""
        shutil.rmtree(self.place, ignore_errors=True)

    def _sealed(self, n: int, story: Story) -> dict[str, Any]:
        data = self.part(n).read_bytes()
        try:
            facts = probe(data)
        except ValueError as error:
            raise ResultLost(f"Result {n} is not a usable picture: {error}.") from None
        # The name is made here: nothing from outside reaches the file system.
        name = f"{n}.{facts.ending}"
        whole = imprinted(data, story.text())
        _write(self.place / name, whole)
        self.part(n).unlink()
        digest = hashlib.sha256(whole).hexdigest()
        size = {"width": facts.width, "height": facts.height}
        return {"name": name, "bytes": len(whole), "sha256": digest, **size}


def story(path: str | Path) -> Story | None:
    """The story inside a picture file made by this toolkit, or None.

    Raises `InvalidRequest` when the file cannot be read or is no picture.
    """
    try:
        text = text_of(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{str(path)!r} cannot be read as a picture ({error}).") from None
    return Story.read(text) if text else None


def _result(root: Path, folder: Path, told: Story) -> Result:
    paths = tuple(folder / Path(str(file["name"])).name for file in told.files)
    place = (paths[0] if paths else folder).relative_to(root).as_posix()
    return Result(told, folder, paths, place)


def _free(root: Path, ticket: Ticket) -> Path:
    """The first of a ticket's places that nobody has taken."""
    return next(place for place in _places(root, ticket) if not place.exists())


def _places(root: Path, ticket: Ticket) -> Iterator[Path]:
    """Names that people can read: day, time, the prompt's first words, the ticket."""
    at = datetime.fromtimestamp(ticket.at).astimezone()
    name = "-".join(filter(None, (f"{at:%H%M}", _slug(ticket.request.prompt), ticket.id[:4])))
    day = root / f"{at:%Y-%m-%d}"
    yield day / name
    yield from (day / f"{name}-{n}" for n in itertools.count(2))


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
    """The rename itself on disk, where the system can do that for a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
