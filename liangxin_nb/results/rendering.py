"""HTML for results that are not pictures: a player, a text, or a link to the local file."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from ..core.formatting import first_line, format_bytes, format_duration
from ..core.metadata import ResultMetadata
from ..imaging import POSTER_BYTES, poster, verify

__all__ = [
    "find_poster", "is_poster", "poster_for", "poster_name", "render_html", "render_partial",
]  # fmt: skip

_MAX_TEXT = 20_000
_TEXT_STYLE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal;"
    "max-width:720px;font-family:inherit;margin:0"
)
_NOTICE_STYLE = (
    "margin-top: 8px; padding: 0 12px; line-height: 1.5; "
    "border-left: 3px solid var(--jp-warn-color1, #f57c00)"
)
_VIDEO_STYLE = "width:100%;max-width:720px;border-radius:4px;display:block"


def render_html(path: Path, file: Mapping[str, Any], prompt: str) -> Markup:
    """Return one file of a result as HTML: a text, a player of the local file, or a link.

    Args:
        path: The file.
        file: Its entry in the metadata.
        prompt: The title of a video.
    """
    kind = file.get("kind", "image")
    if kind == "text":
        with path.open(encoding="utf-8", errors="replace") as text_file:
            text = text_file.read(_MAX_TEXT)
        return Markup('<pre style="{}">{}</pre>').format(_TEXT_STYLE, text)
    # Relative to the notebook, so that both can be moved together.
    src = quote(Path(os.path.relpath(path)).as_posix())
    player = Markup()
    if kind == "video":
        picture = base64.b64encode(poster_for(path, file, prompt)).decode()
        player = Markup(
            '<video controls preload="metadata" title="{}" '
            'poster="data:image/jpeg;base64,{}" src="{}" style="{}"></video>'
        ).format(prompt, picture, src, _VIDEO_STYLE)
    elif kind == "audio":
        player = Markup('<audio controls src="{}"></audio>').format(src)
    caption = Markup(' <span style="opacity:.75">· {}</span>').format(_caption(file))
    return Markup('<div>{}<div><a href="{}">{}</a>{}</div></div>').format(
        player, src, path.name, caption if kind != "image" else ""
    )


def render_partial(metadata: ResultMetadata, picture: bytes, files: str) -> str:
    """Return a result with missing outputs as HTML: what is saved, and what can still be had.

    Args:
        metadata: The metadata of the result.
        picture: Its thumbnail, or no bytes.
        files: The HTML of files that are not pictures; shown in place of the thumbnail.
    """
    shown = Markup(files)  # noqa: S704 from render_html
    if picture and not files:
        shown = Markup('<img alt="{}" src="data:image/jpeg;base64,{}" style="max-width:100%">')
        shown = shown.format(metadata.prompt, base64.b64encode(picture).decode())
    html = Markup(
        '<div class="lx-outcome">{}<div style="{}">'
        "<div><b>◑ Partly saved · {}</b></div><div>{}</div>"
        "<div><code>%liangxin resume {}</code> tries the missing outputs again.</div></div></div>"
    ).format(shown, _NOTICE_STYLE, metadata.model, metadata.describe_missing(), metadata.task_id)
    return str(html)


def poster_name(video: str) -> str:
    """Return the name of a video's poster: 1.poster.jpg for 1.mp4."""
    return f"{Path(video).name.partition('.')[0]}.poster.jpg"


def find_poster(video: Path) -> Path | None:
    """Return the poster next to a video, or None; symbolic links and large files are ignored."""
    path = video.with_name(poster_name(video.name))
    try:
        is_usable = path.is_file() and not path.is_symlink() and path.stat().st_size <= POSTER_BYTES
    except OSError:
        return None
    return path if is_usable else None


def is_poster(data: bytes) -> bool:
    """Return whether bytes are a JPEG that is small enough for a poster."""
    try:
        return len(data) <= POSTER_BYTES and verify(data).suffix == "jpg"
    except ValueError:
        return False


def poster_for(path: Path, file: Mapping[str, Any], prompt: str) -> bytes:
    """Return the poster of a video: the saved one, or a drawn one with its prompt and size."""
    with suppress(OSError):
        saved = find_poster(path) if "poster" in file else None
        if saved is not None and is_poster(data := saved.read_bytes()):
            return data
    return poster(lines=[first_line(prompt), f"Film · {_caption(file)}"])


def _caption(file: Mapping[str, Any]) -> str:
    """Return the known duration and size of a file, such as `5 s · 1.9 MB`."""
    duration_s, size = file.get("seconds"), file.get("bytes")
    parts = [format_duration(duration_s)] if isinstance(duration_s, int | float) else []
    parts += [format_bytes(size)] if isinstance(size, int | float) else []
    parts += [str(file["note"])[:200]] if file.get("note") else []
    return " · ".join(parts)
