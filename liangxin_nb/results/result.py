"""What is kept of a task, and how a notebook shows it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.metadata import ResultMetadata
from ..imaging import POSTER_BYTES, THUMBNAIL_BYTES, grid
from .rendering import poster_for, render_html

__all__ = ["Result", "build_result"]


@dataclass(frozen=True)
class Result:
    """What is kept of a task: its story and its files; a notebook shows it as what it is.

    `folder` and `paths` are absolute; `relative_path` is the first file's path below the results
    folder.
    """

    metadata: ResultMetadata
    folder: Path
    paths: tuple[Path, ...]
    relative_path: str

    @property
    def task_id(self) -> str:
        """The service's id of the task."""
        return self.metadata.task_id

    @property
    def prompt(self) -> str:
        """The prompt, as it was sent."""
        return self.metadata.prompt

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files that are pictures."""
        return tuple(path for path, _ in self._files_of("image"))

    def thumbnail(self) -> bytes:
        """One JPEG within the notebook's budget: the pictures side by side, or films' posters.

        Empty where there is neither.
        """
        if self.pictures:
            return grid([path.read_bytes() for path in self.pictures], max_bytes=THUMBNAIL_BYTES)
        posters = [poster_for(path, file, self.prompt) for path, file in self._files_of("video")]
        return grid(posters, max_bytes=POSTER_BYTES) if len(posters) > 1 else b"".join(posters)

    def html(self) -> str:
        """Each file as HTML: a player of the local file, a text, or a link."""
        return "".join(render_html(path, file, self.prompt) for path, file in self._files_of())

    def _files_of(self, kind: str = "") -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The files of a kind, or all, and what the story tells of them."""
        pairs = zip(self.paths, self.metadata.files, strict=True)
        return (pair for pair in pairs if not kind or pair[1].get("kind", "image") == kind)

    def __repr__(self) -> str:
        file = self.metadata.files[0] if self.metadata.files else {}
        size = f" {file.get('width')}×{file.get('height')}" if file.get("width") else ""
        return (
            f"<Result {self.metadata.model}{size} · {self.metadata.task_id} · {self.relative_path}>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The durable output: a real image/jpeg where there is one to show, and one line of text.

        What is more than pictures comes as HTML, too.
        """
        bundle = {"text/plain": repr(self)}
        if image := self.thumbnail():
            bundle["image/jpeg"] = base64.b64encode(image).decode()
        if len(self.pictures) < len(self.paths):
            bundle["text/html"] = self.html()
        return bundle


def build_result(root: Path, folder: Path, metadata: ResultMetadata) -> Result:
    """The result in a folder, by its story."""
    paths = tuple(folder / Path(str(file["name"])).name for file in metadata.files)
    place = (paths[0] if paths else folder).relative_to(root).as_posix()
    return Result(metadata, folder, paths, place)
