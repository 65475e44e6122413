"""What a request was made from: earlier jobs, and how it differs from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .formatting import shorten
from .request import OptionValue, Request

__all__ = ["NOT_DERIVED", "Derivation", "describe_change", "describe_references", "short_id"]

_MAX_PARTS = 6
_MAX_VALUE = 40  # characters of a value that is quoted
_MAX_NAMED = 4  # parents that a text names
_MAX_ID = 60
_JOB_ID = re.compile(r"[0-9a-f]{12,16}")
_PICTURE = ("data:", "http://", "https://")


@dataclass(frozen=True)
class Derivation:
    """What a request was made from; by default from nothing.

    Attributes:
        parent_ids: The ids of the jobs that it was made from. A job that is in another ledger only
            is named by its task id.
        change: How it differs from them, in one line.
    """

    parent_ids: tuple[str, ...] = ()
    change: str = ""

    def __add__(self, other: Derivation) -> Derivation:
        change = " · ".join(filter(None, dict.fromkeys((self.change, other.change))))
        return Derivation(tuple(dict.fromkeys(self.parent_ids + other.parent_ids)), change)


#: Of a request that was made from nothing.
NOT_DERIVED = Derivation()


def describe_change(old: Request, new: Request, *, pictures: bool = True) -> str:
    """Return how a request differs from an earlier one: `seed 7 → 4711 · prompt changed`.

    Args:
        old: The earlier request, as it was sent or as the ledger has it.
        new: The request.
        pictures: Whether changed reference pictures are mentioned.
    """
    parts = list(_iter_changes(old, new, pictures))
    if len(parts) > _MAX_PARTS:
        parts[_MAX_PARTS - 1 :] = [f"{len(parts) - _MAX_PARTS + 1} more options changed"]
    return " · ".join(parts)


def describe_references(parent_ids: Sequence[str]) -> str:
    """Return whose pictures are used: `picture of 3f9c… used as reference`."""
    ids = list(dict.fromkeys(parent_ids))
    if not ids:
        return ""
    if len(ids) == 1:
        return f"picture of {short_id(ids[0])} used as reference"
    names = [short_id(parent_id) for parent_id in ids[:_MAX_NAMED]]
    names[-1:] = [names[-1] if len(ids) <= _MAX_NAMED else f"{len(ids) - _MAX_NAMED + 1} others"]
    return f"pictures of {', '.join(names[:-1])} and {names[-1]} used as references"


def short_id(job_id: str) -> str:
    """Return the beginning of a job id; a task id is not shortened."""
    return f"{job_id[:4]}…" if _JOB_ID.fullmatch(job_id) else shorten(job_id, _MAX_ID)


def _iter_changes(old: Request, new: Request, pictures: bool) -> Iterator[str]:
    if old.model != new.model:
        yield f"model {_quote(old.model)} → {_quote(new.model)}"
    if old.prompt != new.prompt:
        yield "prompt changed"
    before, after = old.redacted_options, new.redacted_options
    names = dict.fromkeys([*before, *after])
    if old.model != new.model:  # models name their inputs differently
        names = {name: None for name in names if name in before and name in after}
    changed = [name for name in names if before.get(name) != after.get(name)]
    is_picture = {n: _is_picture(before.get(n)) or _is_picture(after.get(n)) for n in changed}
    if pictures and any(is_picture.values()):
        yield "reference pictures changed"
    for name in changed:
        if not is_picture[name]:
            values = (_quote(options.get(name)) for options in (before, after))
            yield f"{shorten(name, _MAX_VALUE)} {' → '.join(values)}"


def _is_picture(value: OptionValue) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(item, str) and item.startswith(_PICTURE) for item in values)


def _quote(value: OptionValue) -> str:
    if value is None:
        return "default"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shorten(" ".join(text.split()), _MAX_VALUE)
