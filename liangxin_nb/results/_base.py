"""What is kept of a task, and how a notebook shows it."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ..pictures import sheet
from ..stories import Story

__all__ = ["Result", "made"]

_PLAYERS = {
    "video": '<video controls preload="metadata" style="max-width:100%" src="{src}"></video>',
    "audio": '<audio controls src="{src}"></audio>',
}
_LONGEST_TEXT = 20_000


@dataclass(frozen=True)
class Result:
    """What is kept of a task: its story and its files; a notebook shows it as what it is.

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

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files that are pictures."""
        pairs = zip(self.paths, self.story.files, strict=True)
        return tuple(path for path, file in pairs if file.get("kind", "image") == "image")

    def thumbnail(self) -> bytes:
        """One JPEG within the notebook's budget, several side by side; empty without a picture."""
        return sheet([path.read_bytes() for path in self.pictures]) if self.pictures else b""

    def html(self) -> str:
        """What is no picture: a player of the local file, a text, or a link."""
        pairs = zip(self.paths, self.story.files, strict=True)
        return "".join(_shown(path, str(file.get("kind", "image"))) for path, file in pairs)

    def __repr__(self) -> str:
        file = self.story.files[0] if self.story.files else {}
        size = f" {file.get('width')}×{file.get('height')}" if file.get("width") else ""
        return f"<Result {self.story.model}{size} · {self.story.task_id} · {self.place}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The durable output: a real image/jpeg, or HTML for what is no picture, and one line."""
        if not self.pictures:
            return {"text/html": self.html(), "text/plain": repr(self)}
        image = base64.b64encode(self.thumbnail()).decode()
        return {"image/jpeg": image, "text/plain": repr(self)}


def made(root: Path, folder: Path, told: Story) -> Result:
    """The result in a folder, by its story."""
    paths = tuple(folder / Path(str(file["name"])).name for file in told.files)
    place = (paths[0] if paths else folder).relative_to(root).as_posix()
    return Result(told, folder, paths, place)


def _shown(path: Path, kind: str) -> str:
    """One file; everything that came from outside is escaped."""
    # Beside the notebook, so that the saved file finds it again wherever both are moved.
    src = escape(Path(os.path.relpath(path)).as_posix(), quote=True)
    if kind == "text":
        text = path.read_text(encoding="utf-8", errors="replace")[:_LONGEST_TEXT]
        return f'<pre style="white-space:pre-wrap">{escape(text)}</pre>'
    player = _PLAYERS.get(kind, "").format(src=src)
    return f'<div>{player}<div><a href="{src}">{escape(path.name)}</a></div></div>'
