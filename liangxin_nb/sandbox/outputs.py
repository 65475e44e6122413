"""Outputs of a task (pictures, a film or a text) and its price in the sandbox."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .. import catalog

__all__ = ["DrawingSpec", "drawing_specs", "price", "text_output"]

_FORMATS = {"jpg": "jpeg", "image/jpeg": "jpeg", "image/png": "png"}
_COUNTS = ("max_images", "num_images", "n")
_MAX_COUNT = 10
_DEFAULT_FILM_S = 5
_MAX_FILM_S = 15
_FILM_SIDE = 640  # pixels of the longer side: films are smaller than requested
#: Credits per image, second of film and text. The prices of the services are not documented.
_PRICES = {"image": 4.0, "video": 10.0, "text": 0.5}
#: Parts of the names of models outside the catalogue, by kind.
_HINTS = {
    "video": ("video", "kling", "veo", "sora", "seedance", "runway", "wan/", "hailuo"),
    "text": ("claude", "chat", "-to-text", "gpt-5", "llm"),
}
#: Returns the picture of a URL as a data URI, empty if it is not available.
ReferenceLoader = Callable[[str], str]


@dataclass(frozen=True)
class DrawingSpec:
    """Specification of one picture or film; equal requests give equal files.

    Attributes:
        prompt: The prompt.
        seed: Seed of the drawing.
        size: Width and height in pixels.
        format: ``png``, ``jpeg``, ``webp`` or ``webm``.
        references: Reference pictures as data URIs.
        seconds: Duration of a film, 0 for a picture.
    """

    prompt: str
    seed: int
    size: tuple[int, int]
    format: str
    references: tuple[str, ...] = ()
    seconds: int = 0


def drawing_specs(
    model: catalog.ModelSpec, inputs: dict[str, Any], load: ReferenceLoader = lambda _: ""
) -> list[DrawingSpec]:
    """Return the files of a task in order, none for text models."""
    kind = _kind(model)
    if kind == "text":
        return []
    request = json.dumps([model.id, inputs], sort_keys=True, ensure_ascii=False)
    digest = int.from_bytes(hashlib.sha256(request.encode()).digest()[:4])
    seed = inputs.get("seed")
    first = DrawingSpec(
        prompt=inputs["prompt"],
        seed=int(str(seed)) if re.fullmatch(r"-?[0-9]{1,18}", str(seed)) else digest,
        size=model.size_of(inputs),
        format=_image_format(inputs),
        references=tuple(_references(inputs, load)),
    )
    if kind == "video":
        seconds = _film_seconds(inputs)
        return [replace(first, format="webm", size=_film_size(first.size), seconds=seconds)]
    return [replace(first, seed=first.seed + n) for n in range(_image_count(inputs))]


def text_output(model: catalog.ModelSpec, inputs: dict[str, Any]) -> dict[str, Any] | None:
    """Return the ``resultObject`` of a text model, None for other models."""
    if _kind(model) != "text":
        return None
    prompt = " ".join(inputs["prompt"].split())
    return {
        "text": "Sandbox: written on this machine, no model was run.\n\n"
        f"You asked: {prompt[:2000]}\n\n"
        "A text model of the service would answer here. This example shows how an answer "
        "looks in your notebook, and that it is saved like a picture."
    }


def price(model: catalog.ModelSpec, inputs: dict[str, Any]) -> float:
    """Return the price of a task in the sandbox's credits."""
    kind = _kind(model)
    units = {"image": _image_count(inputs), "video": _film_seconds(inputs)}.get(kind, 1)
    return _PRICES[kind] * units


def _kind(model: catalog.ModelSpec) -> str:
    """Return the kind of a model's outputs: image, video or text."""
    if model.in_catalog:
        return model.kind
    name = model.id.lower()
    return next((kind for kind, hints in _HINTS.items() if any(h in name for h in hints)), "image")


def _image_format(inputs: dict[str, Any]) -> str:
    """Return the requested format, png by default."""
    name = str(inputs.get("output_format") or "png").lower()
    name = _FORMATS.get(name, name)
    return name if name in ("png", "jpeg", "webp") else "png"


def _image_count(inputs: dict[str, Any]) -> int:
    """Return the requested number of images."""
    counts = (_parse_int(inputs.get(name)) for name in _COUNTS)
    return min(_MAX_COUNT, max(1, next(filter(None, counts), 1)))


def _film_seconds(inputs: dict[str, Any]) -> int:
    """Return the requested duration of a film."""
    return min(_MAX_FILM_S, max(1, _parse_int(inputs.get("duration")) or _DEFAULT_FILM_S))


def _parse_int(value: Any) -> int:
    """Return a number of up to three digits, 0 for any other value."""
    return int(value) if re.fullmatch("[0-9]{1,3}", str(value)) else 0


def _film_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return a smaller size with the same aspect ratio and even sides."""
    scale = min(1.0, _FILM_SIDE / max(size))
    width, height = (max(16, round(side * scale / 2) * 2) for side in size)
    return width, height


def _references(inputs: dict[str, Any], load: ReferenceLoader) -> Iterator[str]:
    """Yield the reference pictures of a request as data URIs; nothing is downloaded."""
    for value in inputs.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item.startswith("data:image/"):
                yield item
            elif isinstance(item, str) and (uri := load(item)):
                yield uri
