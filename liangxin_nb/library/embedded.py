"""The story inside a file that somebody brings along, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.metadata import ResultMetadata
from ..core.request import Request
from ..imaging import extract, thumbnail

__all__ = ["MOST", "Told", "read_back"]

#: Bytes of a file that is looked into.
MOST = 64 << 20
_LONGEST = 100_000
_KINDS = "PNG, JPEG or WebP"


@dataclass(frozen=True)
class Told:
    """What a file tells: its story, or None and `why` not. `picture`: a small JPEG, or empty."""

    story: ResultMetadata | None = None
    why: str = ""
    picture: bytes = b""

    @property
    def request(self) -> Request | None:
        """What was asked for, for a cell or a form."""
        told = self.story
        return Request(told.model, told.prompt, _options(told.options)) if told else None


def read_back(data: bytes) -> Told:
    """The story in a picture made by this toolkit; never raises, whatever the bytes are."""
    if len(data) > MOST:
        return Told(why=f"The file has more than {MOST >> 20} MB; no picture made here has.")
    try:
        text = extract(data)
        picture = thumbnail(data, side=768)
    except Exception:  # hostile bytes: decoders raise many kinds
        return Told(why=f"This is no {_KINDS} that can be read.")
    try:
        story = _sane(ResultMetadata.from_json(text)) if text and len(text) <= _LONGEST else None
    except Exception:  # hostile words: of any shape and depth
        story = None
    if story is None:
        why = "This picture holds no story of liangxin_nb: it was made elsewhere, or saved anew."
        return Told(why=why, picture=picture)
    return Told(story, picture=picture)


def _sane(story: ResultMetadata | None) -> ResultMetadata | None:
    """The story if each of its fields is what it is said to be: files may be forged."""
    if story is None or not isinstance(story.options, Mapping):
        return None
    texts = (story.prompt, story.model, story.task_id, story.ticket, story.service, story.made)
    numbers = (story.seconds, story.credits)
    right = all(isinstance(text, str) for text in texts) and all(
        number is None or isinstance(number, int | float) for number in numbers
    )
    named = right and story.prompt.strip() and story.model.strip()
    return story if named else None


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, int, float, bool, list)
    return {str(name): value for name, value in options.items() if isinstance(value, plain)}
