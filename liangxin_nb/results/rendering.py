"""What is no picture, as HTML: a player of the local file, a text, or a link."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..imaging import POSTER_BYTES, poster, verify

__all__ = ["find_poster", "is_poster", "poster_for", "poster_name", "render_html"]

_LONGEST_TEXT = 20_000
_TEXT = (
    "white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal;"
    "max-width:720px;font-family:inherit;margin:0"
)
_FILM = "width:100%;max-width:720px;border-radius:4px;display:block"


def render_html(path: Path, file: Mapping[str, Any], prompt: str) -> str:
    """One file; everything that came from outside is escaped. `prompt` is what a film is called."""
    kind = file.get("kind", "image")
    if kind == "text":
        text = path.read_text(encoding="utf-8", errors="replace")[:_LONGEST_TEXT]
        return f'<pre style="{_TEXT}">{escape(text)}</pre>'
    # Beside the notebook, so that the saved file finds it again wherever both are moved.
    src = quote(Path(os.path.relpath(path)).as_posix())
    player = ""
    if kind == "video":
        picture = base64.b64encode(poster_for(path, file, prompt)).decode()
        player = (
            f'<video controls preload="metadata" title="{escape(prompt, quote=True)}" '
            f'poster="data:image/jpeg;base64,{picture}" src="{src}" style="{_FILM}"></video>'
        )
    elif kind == "audio":
        player = f'<audio controls src="{src}"></audio>'
    link = f'<a href="{src}">{escape(path.name)}</a>'
    told = f' <span style="opacity:.75">· {_caption(file)}</span>' if kind != "image" else ""
    return f"<div>{player}<div>{link}{told}</div></div>"


def poster_name(film: str) -> str:
    """What a film's poster is called, beside it: 1.poster.jpg for 1.mp4."""
    return f"{Path(film).name.partition('.')[0]}.poster.jpg"


def find_poster(film: Path) -> Path | None:
    """The poster kept beside a film, or None; a link, or a larger file of that name, is none."""
    path = film.with_name(poster_name(film.name))
    try:
        there = path.is_file() and not path.is_symlink() and path.stat().st_size <= POSTER_BYTES
    except OSError:
        return None
    return path if there else None


def is_poster(data: bytes) -> bool:
    """Whether bytes from anywhere may stand for a film."""
    try:
        return len(data) <= POSTER_BYTES and verify(data).suffix == "jpg"
    except ValueError:
        return False


def poster_for(path: Path, file: Mapping[str, Any], prompt: str) -> bytes:
    """A film's poster: the one kept beside it, or a plain one that says what the film is."""
    with suppress(OSError):
        beside = find_poster(path) if "poster" in file else None
        if beside is not None and is_poster(kept := beside.read_bytes()):
            return kept
    return poster(lines=[prompt.strip().partition("\n")[0], f"Film · {_caption(file)}"])


def _caption(file: Mapping[str, Any]) -> str:
    """`5 s · 1.9 MB`: what is known of a file."""
    seconds, size = file.get("seconds"), file.get("bytes")
    parts = [f"{seconds:.0f} s"] if isinstance(seconds, int | float) else []
    parts += [f"{max(size / 1e6, 0.1):.1f} MB"] if isinstance(size, int | float) else []
    return " · ".join(parts)
