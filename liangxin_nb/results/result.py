"""The saved result of one task, and how a notebook shows it."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from markupsafe import Markup

from ..catalog import find_model
from ..core.formatting import printable
from ..core.metadata import ResultMetadata
from ..core.public import explain_wrong_calls, public
from ..errors import ResultUnavailableError
from ..imaging import POSTER_BYTES, THUMBNAIL_BYTES, Image, grid, open_image
from .copies import copy_files
from .figure import (
    MAX_SHOWN,
    OutputStyle,
    ShownFile,
    alternative_text,
    figure_html,
    file_link,
    notice_html,
    size_on_screen,
)
from .posters import poster_for
from .thumbnails import LARGE, SMALL, ThumbnailCache, ThumbnailSize
from .trash import Trash

__all__ = ["Result", "build_result", "results_folder"]


@public
@dataclass(frozen=True)
class Result:
    """The saved files of one task, and what made them.

    A notebook shows a result as what it is: a picture, a player, a text or a link.

    Attributes:
        metadata: Prompt, model, options and the rest of what made the result.
        folder: The folder of the files, absolute.
        paths: The files, absolute, in the service's order.
        relative_path: The first file's path below the results folder.
    """

    metadata: ResultMetadata
    folder: Path
    paths: tuple[Path, ...]
    relative_path: str

    @property
    def path(self) -> Path:
        """The first file."""
        return self.paths[0]

    @property
    def image(self) -> Image:
        """The first picture, decoded.

        Raises:
            ResultUnavailableError: If the file is gone, or the result holds no picture.
        """
        if not self.image_paths:
            kinds = ", ".join(
                sorted({str(file.get("kind", "file")) for file in self.metadata.files})
            )
            raise ResultUnavailableError(
                f"{self!r} holds no picture but: {kinds or 'nothing'}.",
                task_id=self.task_id,
                next_step="result.paths names its files.",
            )
        return self._open(self.image_paths[0])

    @property
    def images(self) -> list[Image]:
        """All pictures, decoded; empty for a film, a sound or a text.

        Raises:
            ResultUnavailableError: If a file is gone.
        """
        return [self._open(path) for path in self.image_paths]

    @property
    def image_paths(self) -> tuple[Path, ...]:
        """The files that are pictures."""
        return tuple(path for path, _ in self._files_of("image"))

    @property
    def task_id(self) -> str:
        """The service's id of the task."""
        return self.metadata.task_id

    @property
    def prompt(self) -> str:
        """The prompt as it was sent."""
        return self.metadata.prompt

    @property
    def missing(self) -> tuple[Mapping[str, Any], ...]:
        """The outputs that could not be downloaded; ``%liangxin resume`` tries them again."""
        return self.metadata.missing

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the outputs, from 1, that are saved."""
        names = (path.name.partition(".")[0] for path in self.paths)
        return frozenset(int(name) for name in names if name.isdecimal())

    @property
    def seed(self) -> int | None:
        """The seed that was sent, or None."""
        name = find_model(self.metadata.service, self.metadata.model).common_options.get("seed")
        value = str(self.metadata.options.get(name or "seed", ""))
        return int(value) if re.fullmatch(r"-?[0-9]{1,20}", value) else None

    @explain_wrong_calls("result.save('folder')")
    def save(self, target: str | Path, *, overwrite: bool = False) -> Path:
        """Copy the files elsewhere, with the metadata that is inside them.

        Args:
            target: A folder, which keeps the files' names, or for a result of one file the path
                of the copy with the same suffix.
            overwrite: Whether files that exist may be replaced.

        Returns:
            The folder, or the path of the copy.

        Raises:
            InvalidRequestError: If the suffix is another, or a file exists or cannot be written.
            ResultUnavailableError: If the saved files are gone.
        """
        try:
            return copy_files(self.paths, Path(target).expanduser(), repr(self), overwrite)
        except FileNotFoundError:
            raise self._missing_error() from None

    def _open(self, path: Path) -> Image:
        try:
            image = open_image(path.read_bytes())
            image.load()
        except FileNotFoundError:
            raise self._missing_error() from None
        except (OSError, ValueError) as error:
            raise ResultUnavailableError(
                f"{str(path)!r} cannot be read as a picture ({error}).", task_id=self.task_id
            ) from None
        return image

    def _missing_error(self) -> ResultUnavailableError:
        step = f"%liangxin resume {self.task_id} asks the service for them again."
        if Trash(results_folder(self)).find(self.metadata.job_id):
            step = f"They are in the trash: %liangxin restore {self.metadata.job_id}."
        return ResultUnavailableError(
            f"The files of {self.task_id} are no longer in {str(self.folder)!r}.",
            task_id=self.task_id,
            next_step=step,
        )

    def thumbnail(self) -> bytes:
        """Return one small JPEG of the pictures side by side, or of the films' posters.

        Returns:
            At most 46 kB; empty for a result without pictures and films.

        Raises:
            OSError: If a picture cannot be read.
            ValueError: If one is broken.
        """
        pictures = [self._small(path, LARGE) for path in self.image_paths]
        if len(pictures) > 1:
            return grid(pictures, max_bytes=THUMBNAIL_BYTES)
        if pictures:
            return pictures[0]
        posters = [poster_for(path, file, self.prompt) for path, file in self._files_of("video")]
        return grid(posters, max_bytes=POSTER_BYTES) if len(posters) > 1 else b"".join(posters)

    def _image_size(self, picture: bytes) -> dict[str, int]:
        """Return width and height on the screen, whatever the size of the thumbnail."""
        if len(self.paths) > 1:
            return {}
        size = size_on_screen(ShownFile(self.path, self.metadata.files[0], picture, ""))
        return dict(zip(("width", "height"), size, strict=True)) if size else {}

    def _any_thumbnail(self) -> bytes:
        try:
            return self.thumbnail()
        except (OSError, ValueError):
            return b""

    def _small(self, path: Path, size: ThumbnailSize) -> bytes:
        """Return the thumbnail of a picture, which is kept in the results folder."""
        return ThumbnailCache(results_folder(self)).make(self.metadata.job_id, path, size)

    def output(
        self, *, style: OutputStyle = "figure", start: Path | None = None, reuse: bool = False
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the MIME bundle with which a notebook shows the result, and its metadata.

        Args:
            style: ``figure`` for HTML with caption and link; ``image`` for the picture alone,
                where there is one and nothing is missing.
            start: The folder to which links are relative; default: the working directory.
            reuse: Whether the caption says that the result is reused while it is unchanged.
        """
        status = "partly_saved" if self.missing else "saved"
        job = {"job_id": self.metadata.job_id, "task_id": self.task_id, "status": status}
        metadata: dict[str, Any] = {"liangxin": job}
        if style == "image" and not self.missing and (picture := self._any_thumbnail()):
            size = self._image_size(picture)
            metadata["image/jpeg"] = {"alt": alternative_text(self.prompt), **size}
            jpeg = base64.b64encode(picture).decode()
            return {"text/plain": repr(self), "image/jpeg": jpeg}, metadata
        return {"text/plain": repr(self), "text/html": self.html(start, reuse=reuse)}, metadata

    def html(self, start: Path | None = None, *, reuse: bool = False) -> str:
        """Return each file as HTML, with captions, and what is missing.

        Args:
            start: The folder to which links are relative; default: the working directory.
            reuse: Whether the caption says that the result is reused while it is unchanged.
        """
        pairs = itertools.islice(self._files_of(), MAX_SHOWN)
        files = [self._shown_file(path, file, start) for path, file in pairs]
        html = figure_html(self.metadata, self.seed, files, reuse=reuse)
        if not self.missing:
            return str(html)
        command = Markup("<code>%liangxin resume {}</code> tries the missing outputs again.")
        notice = notice_html(
            "warn",
            Markup("<b>◑ Partly saved · {}</b>").format(printable(self.metadata.model)),
            printable(self.metadata.describe_missing()),
            command.format(printable(self.task_id)),
        )
        return str(Markup('<div class="lx-outcome">{}{}</div>').format(html, notice))

    def _shown_file(self, path: Path, file: Mapping[str, Any], start: Path | None) -> ShownFile:
        kind, picture = file.get("kind", "image"), b""
        if kind == "video":
            picture = poster_for(path, file, self.prompt)
        elif kind == "image":
            total = len(self.paths) + len(self.missing)
            with suppress(OSError, ValueError):  # the file is gone or broken
                picture = self._small(path, LARGE if total == 1 else SMALL)
        return ShownFile(path, file, picture, file_link(path, start))

    def _files_of(self, kind: str = "") -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Return the files of a kind, or all, each with its entry in the metadata."""
        pairs = zip(self.paths, self.metadata.files, strict=True)
        return (pair for pair in pairs if not kind or pair[1].get("kind", "image") == kind)

    def __repr__(self) -> str:
        file = self.metadata.files[0] if self.metadata.files else {}
        size = f" {file.get('width')}×{file.get('height')}" if file.get("width") else ""
        total = len(self.paths) + len(self.missing)
        part = f" · {len(self.paths)} of {total} outputs" if self.missing else ""
        return printable(
            f"<Result {self.metadata.model}{size} · {self.metadata.task_id} · "
            f"{self.relative_path}{part}>"
        )

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        return self.output()


def results_folder(result: Result) -> Path:
    """Return the results folder that a result is in."""
    return result.folder.parents[len(PurePosixPath(result.relative_path).parts) - 2]


def build_result(root: Path, folder: Path, metadata: ResultMetadata) -> Result:
    """Return the result in a folder.

    Args:
        root: The results folder.
        folder: The result's folder below it.
        metadata: The metadata file of the folder.
    """
    paths = tuple(folder / Path(str(file["name"])).name for file in metadata.files)
    relative_path = (paths[0] if paths else folder).relative_to(root).as_posix()
    return Result(metadata, folder, paths, relative_path)
