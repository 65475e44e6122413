"""What there is to make for a task: drawings, a film, a text, and what it costs here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .. import catalog

__all__ = ["DrawingSpec", "drawing_specs", "price", "text_output"]

_FORMS = {"jpg": "jpeg", "image/jpeg": "jpeg", "image/png": "png"}
_COUNTS = ("max_images", "num_images", "n")
_MOST = 10
_SECONDS = 5
_LONGEST = 15  # seconds of a film
_SIDE = 640  # pixels of a film's longer side: a draft of the size asked for
#: No one states what a model costs; these are the sandbox's own, so that credits go down.
_PRICES = {"image": 4.0, "video": 10.0, "text": 0.5}
#: What a name says of a model that no one listed.
_HINTS = {
    "video": ("video", "kling", "veo", "sora", "seedance", "runway", "wan/", "hailuo"),
    "text": ("claude", "chat", "-to-text", "gpt-5", "llm"),
}
#: From a reference picture's address to the picture, as a data URI; empty for one not known here.
Look = Callable[[str], str]


@dataclass(frozen=True)
class DrawingSpec:
    """What there is to draw for a task: equal requests give equal drawings.

    `seconds`: how long the film is for which it is the scene, where `format` is webm.
    """

    prompt: str
    seed: int
    size: tuple[int, int]
    format: str
    references: tuple[str, ...] = ()
    seconds: int = 0


def drawing_specs(
    model: catalog.ModelSpec, given: dict[str, Any], look: Look = lambda _: ""
) -> list[DrawingSpec]:
    """The files of a task, in order; none for a model that answers with a text."""
    kind = _kind(model)
    if kind == "text":
        return []
    text = json.dumps([model.id, given], sort_keys=True, ensure_ascii=False)
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    seed = given.get("seed")
    first = DrawingSpec(
        prompt=given["prompt"],
        seed=int(str(seed)) if re.fullmatch(r"-?[0-9]{1,18}", str(seed)) else digest,
        size=model.size_of(given),
        format=_form(given),
        references=tuple(_pictures(given, look)),
    )
    if kind == "video":
        return [replace(first, format="webm", size=_draft(first.size), seconds=_seconds(given))]
    return [replace(first, seed=first.seed + n) for n in range(_count(given))]


def text_output(model: catalog.ModelSpec, given: dict[str, Any]) -> dict[str, Any] | None:
    """The `resultObject` of a model that answers with a text, None for every other one."""
    if _kind(model) != "text":
        return None
    prompt = " ".join(given["prompt"].split())
    return {
        "text": "Sandbox: written on this machine, no model was run.\n\n"
        f"You asked: {prompt[:2000]}\n\n"
        "A model of the service would answer here, in as many words as it likes. What you see "
        "shows how an answer looks in your notebook, and that it is kept like a picture is."
    }


def price(model: catalog.ModelSpec, given: dict[str, Any]) -> float:
    """What a task costs in the sandbox's credits."""
    kind = _kind(model)
    times = {"image": _count(given), "video": _seconds(given)}.get(kind, 1)
    return _PRICES[kind] * times


def _kind(model: catalog.ModelSpec) -> str:
    if model.in_catalog:
        return model.kind
    name = model.id.lower()
    return next((kind for kind, hints in _HINTS.items() if any(h in name for h in hints)), "image")


def _form(given: dict[str, Any]) -> str:
    form = str(given.get("output_format") or "png").lower()
    form = _FORMS.get(form, form)
    return form if form in ("png", "jpeg", "webp") else "png"


def _count(given: dict[str, Any]) -> int:
    counts = (_whole(given.get(name)) for name in _COUNTS)
    return min(_MOST, max(1, next(filter(None, counts), 1)))


def _seconds(given: dict[str, Any]) -> int:
    return min(_LONGEST, max(1, _whole(given.get("duration")) or _SECONDS))


def _whole(value: Any) -> int:
    return int(value) if re.fullmatch("[0-9]{1,3}", str(value)) else 0


def _draft(size: tuple[int, int]) -> tuple[int, int]:
    """The same shape, small, in whole pairs of pixels."""
    scale = min(1.0, _SIDE / max(size))
    width, height = (max(16, round(side * scale / 2) * 2) for side in size)
    return width, height


def _pictures(given: dict[str, Any], look: Look) -> Iterator[str]:
    """Every picture that came with the request; addresses are not fetched, from anywhere."""
    for value in given.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one.startswith("data:image/"):
                yield one
            elif isinstance(one, str) and (found := look(one)):
                yield found
