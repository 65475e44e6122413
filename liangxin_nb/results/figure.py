"""A saved result as HTML: each file with its caption, as it stays in a notebook.

Front ends remove scripts, style sheets and variables of the theme from notebooks that they do not
trust. What is used here stays: figures, sizes as attributes, and plain inline styles.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from ..core.foreign_file import open_foreign_file
from ..core.formatting import first_line, format_duration, printable, shorten
from ..core.metadata import ResultMetadata
from ..imaging import open_image
from .posters import describe_file

__all__ = [
    "CAPTION_HEIGHT", "MAX_SHOWN", "SMALL_TEXT", "OutputStyle", "ShownFile", "alternative_text",
    "display_size", "figure_html", "file_link", "notice_html", "picture_html", "size_on_screen",
]  # fmt: skip

#: CSS pixels: a picture fits onto one screen, and is as wide as a card at most.
_MAX_WIDTH, _MAX_HEIGHT = 720, 640
#: The side of each of several pictures: two of them fit side by side.
_SMALL_SIDE = 352
#: Files of one result that are shown; the others are counted.
MAX_SHOWN = 12
_MAX_TEXT = 20_000
#: Characters: with the picture, the output stays within 64 KiB.
_MAX_ALT, _MAX_WORDS = 500, 40
#: CSS pixels of a caption of one line, with the space below it.
CAPTION_HEIGHT = 28
#: Small grey text in durable outputs.
SMALL_TEXT = "font-size:.85em;opacity:.8"
_CAPTION_STYLE = f"{SMALL_TEXT};line-height:20px;padding-bottom:8px;overflow-wrap:anywhere"
_PICTURE_STYLE = "max-width:100%;height:auto;display:block;border-radius:4px"
_TEXT_STYLE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal;"
    "max-width:720px;font-family:inherit;margin:0"
)
_TONES = {"bad": "#d32f2f", "warn": "#f57c00"}
#: How a picture is shown: with caption and link, or alone.
OutputStyle = Literal["figure", "image"]
_LINK_WORDS = {"image": "original", "video": "video", "audio": "sound", "text": "text"}


class ShownFile(NamedTuple):
    """One file of a result.

    Attributes:
        path: The file.
        entry: Its entry in the metadata.
        picture: Its thumbnail or poster as a JPEG; empty if there is none.
        link: Its URL; empty if it is no longer there.
    """

    path: Path
    entry: Mapping[str, Any]
    picture: bytes
    link: str

    @property
    def kind(self) -> str:
        """What the file is: image, video, audio, text or file."""
        return str(self.entry.get("kind", "image"))


def display_size(
    width: int, height: int, max_width: int = _MAX_WIDTH, max_height: int = _MAX_HEIGHT
) -> tuple[int, int]:
    """Return the size in CSS pixels of a picture; it is never enlarged.

    Args:
        width: Its width in pixels.
        height: Its height in pixels.
        max_width: The width of its place.
        max_height: The height of its place.
    """
    scale = min(1.0, max_width / max(1, width), max_height / max(1, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def figure_html(
    metadata: ResultMetadata, seed: int | None, files: Sequence[ShownFile], *, reuse: bool = False
) -> Markup:
    """Return the files of a result, and a caption that says what made them.

    Args:
        metadata: The metadata of the result.
        seed: The seed that was sent, or None.
        files: The files to show, in order.
        reuse: Whether the caption says that the result is reused while it is unchanged.
    """
    saved_at = printable(metadata.created_at[:16].replace("T", " "))
    notes = [f"saved {saved_at}, reused while unchanged"] if reuse else []
    total = len(metadata.files) + len(metadata.missing)
    if len(files) == total == 1:
        parts = [*_describe(metadata, seed, files[0]), *notes, *_file_parts(files[0])]
        return _figure(files[0], metadata.prompt, parts, "margin:0")
    figures = (_numbered_figure(file, metadata, total) for file in files)
    shown = [f"{len(files)} of {total} shown"] if len(metadata.files) > len(files) else []
    caption = _caption([*_describe(metadata, seed), *notes, *shown])
    return Markup('<div>{}<div style="{}">{}</div></div>').format(
        Markup("").join(figures), _CAPTION_STYLE, caption
    )


def _numbered_figure(file: ShownFile, metadata: ResultMetadata, total: int) -> Markup:
    place = f"{file.path.name.partition('.')[0]} of {total}"
    parts = [place, *_size_parts(file), *_file_parts(file)]
    style = "margin:0 8px 8px 0;max-width:100%"
    if file.kind == "image":
        style += f";display:inline-block;vertical-align:top;width:{_SMALL_SIDE}px"
    text = f"{place}: {metadata.prompt}"
    return _figure(file, text, parts, style, side=_SMALL_SIDE)


def _figure(
    file: ShownFile, text: str, parts: Iterable[str | Markup], style: str, side: int | None = None
) -> Markup:
    return Markup('<figure style="{}">{}<figcaption style="{}">{}</figcaption></figure>').format(
        style, _body(file, text, side), _CAPTION_STYLE, _caption(parts)
    )


def _body(file: ShownFile, text: str, side: int | None) -> Markup:
    """Return what stands above the caption: a picture, a player or a text."""
    if file.kind == "text":
        return Markup('<pre style="{}">{}</pre>').format(_TEXT_STYLE, _read_text(file.path))
    if file.kind == "audio" and file.link:
        return Markup('<audio controls src="{}"></audio>').format(file.link)
    if not file.picture or not (size := size_on_screen(file, side)):
        return Markup()
    if file.kind == "video" and file.link:
        picture = f"data:image/jpeg;base64,{base64.b64encode(file.picture).decode()}"
        return Markup(
            '<video controls preload="metadata" title="{}" poster="{}" src="{}" width="{}" '
            'height="{}" style="{}"></video>'
        ).format(alternative_text(text), picture, file.link, *size, _PICTURE_STYLE)
    return picture_html(file.picture, alternative_text(text), _PICTURE_STYLE, size)


def picture_html(jpeg: bytes, alt: str, style: str, size: tuple[int, int] | None = None) -> Markup:
    """Return a picture.

    Args:
        jpeg: The picture.
        alt: Its alternative text.
        style: Its inline style.
        size: Its width and height in CSS pixels; default: its own.
    """
    return Markup('<img alt="{}" src="data:image/jpeg;base64,{}"{} style="{}">').format(
        alt,
        base64.b64encode(jpeg).decode(),
        Markup(' width="{}" height="{}"').format(*size) if size else "",
        style,
    )


def size_on_screen(file: ShownFile, side: int | None = None) -> tuple[int, int] | None:
    """Return the size of a picture on the screen, or None if it is broken.

    Args:
        file: The file, with its thumbnail.
        side: The longest side of one of several pictures.
    """
    try:
        with open_image(file.picture) as picture:
            width, height = picture.size
    except ValueError:
        return None
    sides = [value for name in ("width", "height") if (value := file.entry.get(name))]
    # The thumbnail is upright; the original may be rotated by its metadata.
    scale = max([int(value) for value in sides], default=max(width, height)) / max(width, height)
    limits = (side, side) if side else (_MAX_WIDTH, _MAX_HEIGHT)
    return display_size(round(width * scale), round(height * scale), *limits)


def _describe(
    metadata: ResultMetadata, seed: int | None, file: ShownFile | None = None
) -> list[str | Markup]:
    """Return the first words of the prompt and what made the result."""
    words = first_line(metadata.prompt, _MAX_WORDS)
    duration_s = metadata.duration_s
    return [
        Markup("<bdi>{}</bdi>").format(words),
        metadata.model,
        *(_size_parts(file) if file else []),
        *([f"seed {seed}"] if seed is not None else []),
        *([format_duration(duration_s)] if duration_s is not None else []),
        *(["Sandbox drawing"] if metadata.is_sandbox else []),
    ]


def _size_parts(file: ShownFile) -> list[str]:
    width, height = file.entry.get("width"), file.entry.get("height")
    return [f"{width}×{height}"] if width and height else []


def _file_parts(file: ShownFile) -> list[str | Markup]:
    """Return the duration and size of what is no picture, and the link."""
    details = describe_file(file.entry) if file.kind != "image" else ""
    words = f"open the {_LINK_WORDS.get(file.kind, 'file')}"
    if not file.link:
        last: str | Markup = f"{file.path.name} is no longer there"
    else:
        last = Markup('<a href="{}">{}</a>').format(file.link, words)
    return [*([details] if details else []), last]


def file_link(path: Path, start: Path | None) -> str:
    """Return the URL of a file relative to a folder; empty if there is no such file.

    Args:
        path: The file.
        start: The folder; default: the working directory.
    """
    try:
        if not path.is_file():
            return ""
        return quote(Path(os.path.relpath(path, start)).as_posix())
    except OSError:  # the working directory is gone
        return ""
    except ValueError:  # on another drive
        return path.as_uri()


def alternative_text(prompt: str) -> str:
    """Return a prompt in one line as the alternative text of its picture."""
    return shorten(" ".join(prompt.split()), _MAX_ALT)


def _caption(parts: Iterable[str | Markup]) -> Markup:
    safe = (part if isinstance(part, Markup) else printable(part) for part in parts)
    return Markup(" · ").join(safe)


def _read_text(path: Path) -> str:
    try:
        with io.TextIOWrapper(open_foreign_file(path), "utf-8", "replace") as file:
            return file.read(_MAX_TEXT)
    except (OSError, ValueError):  # gone, or a pipe, which may never end
        return ""


def notice_html(tone: str, *lines: str | Markup) -> Markup:
    """Return lines one below the other, with a coloured edge.

    Args:
        tone: The tone of a `StateStyle`.
        lines: The lines.
    """
    html = Markup('<div style="{}">{}</div>')
    style = (
        "max-width:720px;padding:0 12px;line-height:1.5;overflow-wrap:anywhere;"
        f"border-left:3px solid {_TONES.get(tone, '#9e9e9e')}"
    )
    return html.format(style, Markup("").join(map(Markup("<div>{}</div>").format, lines)))
