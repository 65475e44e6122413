"""A batch as one picture: its contact sheet, for the notebook and as a file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError
from ..imaging import SheetSpec, render, render_file
from .outcome import Outcome, Progress

__all__ = ["ContactSheet", "build_sheet"]

_FORMS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_MOST_REASONS = 10


@dataclass(frozen=True)
class ContactSheet:
    """A contact sheet; a notebook shows it, or its first 48 places, within a picture's budget.

    `text`: what is said with it; `empty`: whether there is no picture at all.
    """

    spec: SheetSpec = field(repr=False)
    text: str

    @property
    def empty(self) -> bool:
        """Whether it shows no picture."""
        return not self.spec.pictures

    @cached_property
    def jpeg(self) -> bytes:
        """The sheet as a JPEG for a notebook: at most 46 kB."""
        return render(self.spec)

    def save(self, path: str | Path, side: int = 512) -> Path:
        """Writes it as .png, .jpg or .webp, each picture up to `side` pixels, and returns the path.

        Raises `InvalidRequestError` for another ending.
        """
        path = Path(path).expanduser()
        form = _FORMS.get(path.suffix.lower())
        if form is None or not 16 <= side <= 2048:
            what = f"side={side} is not 16 to 2048" if form else f"{path.suffix!r} is no ending"
            raise InvalidRequestError(f"{what}; the endings are {', '.join(_FORMS)}.")
        path.write_bytes(render_file(self.spec, form, side))
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The durable output: a real image/jpeg where there is a picture, and a few lines."""
        if self.empty:
            return {"text/plain": self.text}
        return {"image/jpeg": base64.b64encode(self.jpeg).decode(), "text/plain": self.text}


def build_sheet(
    outcomes: Iterable[Outcome], rows: list[str], columns: list[str], now: Progress
) -> ContactSheet:
    """The sheet of some outcomes, with words where there is no picture."""
    pictures, words = {}, {}
    for outcome in outcomes:
        found = outcome.result.pictures if outcome.result else ()
        if found:
            pictures[outcome.index] = found[0].read_bytes
        words[outcome.index] = "saved" if outcome.result else _word(outcome.status)
    spec = SheetSpec(pictures, rows, columns, words, now.text)
    return ContactSheet(spec, "\n".join([_text(now), *_shortened(spec)]))


def _shortened(spec: SheetSpec) -> list[str]:
    """What is said where a notebook shows the beginning only."""
    shown = spec.truncated
    if shown is spec or not spec.pictures:
        return []
    return [
        f"On the sheet: the first {shown.cells} of {spec.cells}. %liangxin gallery turns pages,"
        " .sheet().save('all.jpg') draws all."
    ]


def _word(state: str) -> str:
    return {"pending": "not sent", "detached": "detached", "unconfirmed": "unconfirmed"}.get(
        state, state
    )


def _text(now: Progress) -> str:
    name = f" {now.name!r}" if now.name else ""
    reasons = [f"{_where(o)}: {o.status}. {o.reason}".strip() for o in now.failures[:_MOST_REASONS]]
    more = len(now.failures) - len(reasons)
    reasons += [f"and {more} more"] if more > 0 else []
    reused = f", {now.reused} of them reused" if now.reused else ""
    return "\n".join([f"<Batch {now.id}{name} · {now.text}{reused}>", *reasons])


def _where(outcome: Outcome) -> str:
    return f"{outcome.row} · {outcome.column}" if outcome.column else outcome.row
