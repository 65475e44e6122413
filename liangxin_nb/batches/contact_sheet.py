"""The contact sheet of a batch: one picture of all results."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..cell_outputs.batch_summary import STATUS_LABELS
from ..core.formatting import printable
from ..core.public import public
from ..errors import InvalidRequestError
from ..imaging import SheetSpec, render, render_file
from .outcome import Outcome, Progress

__all__ = ["ContactSheet", "build_sheet"]

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_CELL_LABELS = {"pending": "not sent", "result_lost": "result lost"}
_MAX_REASONS = 10


@public
@dataclass(frozen=True)
class ContactSheet:
    """A contact sheet. A notebook shows at most its first 48 cells.

    Attributes:
        spec: Pictures, labels and layout.
        text: The batch in a few lines, with the reasons of its failures.
    """

    spec: SheetSpec = field(repr=False)
    text: str

    @property
    def empty(self) -> bool:
        """Whether it contains no picture."""
        return not self.spec.pictures

    @cached_property
    def jpeg(self) -> bytes:
        """The sheet as a JPEG for a notebook, at most 46 kB."""
        return render(self.spec)

    def save(self, path: str | Path, side: int = 512) -> Path:
        """Write the sheet to a file.

        Args:
            path: A path that ends in .png, .jpg, .jpeg or .webp.
            side: Maximum width and height of each picture in pixels, 16 to 2048.

        Returns:
            The path.

        Raises:
            InvalidRequestError: If the suffix or `side` is not one of these.
        """
        path = Path(path).expanduser()
        image_format = _FORMATS.get(path.suffix.lower())
        if image_format is None:
            raise InvalidRequestError(
                f"{path.suffix!r} is not a picture format; allowed are {', '.join(_FORMATS)}."
            )
        if not 16 <= side <= 2048:
            raise InvalidRequestError(f"side={side} is not a number from 16 to 2048.")
        path.write_bytes(render_file(self.spec, image_format, side))
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the durable output: a JPEG if there is a picture, and the text."""
        if self.empty:
            return {"text/plain": self.text}
        return {"image/jpeg": base64.b64encode(self.jpeg).decode(), "text/plain": self.text}


def build_sheet(
    outcomes: Iterable[Outcome], rows: list[str], columns: list[str], progress: Progress
) -> ContactSheet:
    """Create the contact sheet of a batch; a cell without a picture shows its status."""
    pictures, labels = {}, {}
    for outcome in outcomes:
        if outcome.result and outcome.result.image_paths:
            pictures[outcome.index] = outcome.result.image_paths[0].read_bytes
        status = "saved" if outcome.result else outcome.status
        labels[outcome.index] = _CELL_LABELS.get(status, status)
    spec = SheetSpec(pictures, rows, columns, labels, progress.text)
    text = _describe(progress)
    shown = spec.truncated
    if shown is not spec and pictures:
        text += (
            f"\nThe sheet shows the first {shown.cells} of {spec.cells}. %liangxin gallery shows "
            "all, .sheet().save('all.jpg') draws all."
        )
    return ContactSheet(spec, text)


def _describe(progress: Progress) -> str:
    """Return the counts and the first reasons of failures, one per line."""
    name = f" {progress.name!r}" if progress.name else ""
    reused = f", {progress.reused} of them reused" if progress.reused else ""
    outcomes = (*progress.failures, *progress.incomplete)
    shown = outcomes[:_MAX_REASONS]
    lines = [f"<Batch {progress.id}{name} · {progress.text}{reused}>"]
    lines += [f"{o.label}: {_status_text(o)}. {o.reason}".strip() for o in shown]
    if len(outcomes) > len(shown):
        lines.append(f"and {len(outcomes) - len(shown)} more")
    return "\n".join(map(printable, lines))


def _status_text(outcome: Outcome) -> str:
    """Return the status; in words where it is none of the ledger."""
    state = outcome.last_update.display_state
    return STATUS_LABELS[state] if state in ("partly_saved", "not_fetched") else str(state)
