"""The contact sheet of a batch: all results with their labels, in a notebook or a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..cell_outputs import CellOutput
from ..cell_outputs.batch_output import batch_output, sheet_page, sheet_spec
from ..cell_outputs.batch_summary import BatchSummary
from ..core.foreign_file import file_problem
from ..core.public import public
from ..errors import InvalidRequestError
from ..imaging import render_file
from ..results import OutputStyle, Result

__all__ = ["ContactSheet"]

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_SUFFIXES = ".html, " + ", ".join(_FORMATS)


@public
@dataclass(frozen=True)
class ContactSheet:
    """A contact sheet. A notebook shows at most its first 48 cells.

    Attributes:
        summary: The batch.
        style: How a notebook shows it: the setting ``output``.
    """

    summary: BatchSummary = field(repr=False)
    style: OutputStyle = "figure"

    @property
    def empty(self) -> bool:
        """Whether it contains no picture."""
        return not any(isinstance(u.result, Result) for u in self.summary.updates)

    @cached_property
    def output(self) -> CellOutput:
        """The durable output of a notebook cell."""
        return batch_output(self.summary, style=self.style)

    @property
    def text(self) -> str:
        """The batch in a few lines, with the reasons of its failures."""
        return "\n".join(self.summary.lines())

    def save(self, path: str | Path, side: int = 512) -> Path:
        """Write the sheet to a file.

        On a page (.html) the captions are text, in every script. In a picture they are drawn with
        the fonts of this machine; characters without a glyph are left out.

        Args:
            path: A path that ends in .html, .png, .jpg, .jpeg or .webp.
            side: Maximum width and height of each picture in pixels, 16 to 2048.

        Returns:
            The path.

        Raises:
            InvalidRequestError: If the suffix or `side` is not one of these, or the file cannot
                be written.
        """
        path = Path(path).expanduser()
        suffix = path.suffix.lower()
        if suffix not in (".html", *_FORMATS):
            raise InvalidRequestError(
                f"{path.suffix!r} is not a format of a sheet; allowed are {_SUFFIXES}."
            )
        if not 16 <= side <= 2048:
            raise InvalidRequestError(f"side={side} is not a number from 16 to 2048.")
        if suffix == ".html":
            data = sheet_page(self.summary, side, path.parent).encode()
        else:
            spec = sheet_spec(self.summary, _read_original, of_images=True)
            data = render_file(spec, _FORMATS[suffix], side)
        try:
            path.write_bytes(data)
        except OSError as error:
            raise InvalidRequestError(
                f"{str(path)!r} cannot be written ({file_problem(error)})."
            ) from None
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> CellOutput:
        return self.output


def _read_original(result: Result) -> bytes:
    return result.image_paths[0].read_bytes()
