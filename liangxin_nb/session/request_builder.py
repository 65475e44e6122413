"""Builds checked requests from what users write: one, or several that differ in their seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..catalog import ModelSpec, find_model, normalize_options, resolve_model
from ..config.key_detector import reject_keys
from ..core.request import DEFAULT_MODEL, Request
from ..errors import InvalidRequestError
from .media_input import to_data_uri

__all__ = [
    "build_requests", "check_generate_call", "check_id", "reject_keys_in_use", "repeat",
    "supports_seed", "with_new_seed",
]  # fmt: skip

_UPLOADED = (
    "KIE accepts URLs only: the reference picture is uploaded to it first, and can be seen by "
    "anyone who has its URL for up to 3 days."
)


def build_requests(
    profile: str,
    prompt: str,
    model: str,
    *,
    common_options: Mapping[str, Any],
    options: Mapping[str, Any],
    images: Sequence[Any] = (),
    count: int = 1,
    callback: str | None = "",
    allow_key_like: bool = False,
    any_model: bool = False,
) -> tuple[list[Request], list[str]]:
    """Build checked requests; nothing is sent.

    Args:
        profile: The service profile.
        prompt: The prompt, taken literally.
        model: The model's name or title.
        common_options: `aspect`, `size` and `seed`, None where not given.
        options: The model's inputs by their own names.
        images: Reference pictures; see `ImageInput`.
        count: How many requests. A given seed counts up; without one each gets a drawn seed of
            its own, so that the pictures differ and each can be made again.
        callback: The URL for callbacks; it is only checked.
        allow_key_like: Whether texts may look like an API key; a key in use is never allowed.
        any_model: Whether a model that the catalogue does not list may be used.

    Returns:
        The requests, and notes to show with them.

    Raises:
        InvalidRequestError: If the prompt, the model or an option is wrong or contains a key.
    """
    values = {f"The option {name}": value for name, value in {**common_options, **options}.items()}
    references = [str(image) for image in images if isinstance(image, str | Path)]
    texts = {"The prompt": prompt, "The model": model, **values, "The reference": references}
    texts["The name of an option"] = [*options]
    reject_keys({**texts, "The callback URL": callback}, allow_key_like=allow_key_like)
    chosen = resolve_model(profile, model, any_model=any_model)
    pictures = [to_data_uri(image) for image in images]
    wire, notes = normalize_options(
        chosen, {**common_options, "image": pictures or None}, options, prompt
    )
    if profile == "kie" and any(picture.startswith("data:") for picture in pictures):
        notes = [*notes, _UPLOADED]
    name = chosen.common_options.get("seed")
    request = Request(chosen.id, prompt, wire)
    if name not in wire:
        return [_with_drawn_seed(chosen, request) for _ in range(count)], notes
    start = str(wire[name])  # some models want the number as text
    if count == 1 or not (start.isascii() and start.isdigit()):
        return [request] * count, notes
    seeds = range(int(start), int(start) + count)
    return [
        Request(chosen.id, prompt, {**wire, name: chosen.seed_value(seed)}) for seed in seeds
    ], notes


def _with_drawn_seed(model: ModelSpec, request: Request) -> Request:
    for name, seed in model.draw_seed(request.options).items():
        return request.with_drawn_seed(name, seed)
    return request


def check_generate_call(prompt: object, model: object, options: Mapping[str, Any]) -> None:
    """Refuse a call of `generate` that means something else, and name the call that does it.

    Raises:
        InvalidRequestError: In one line. Nothing has been sent.
    """
    if not isinstance(prompt, str):
        several = not isinstance(prompt, bytes) and isinstance(prompt, Iterable)
        raise InvalidRequestError(
            f"The prompt is a {type(prompt).__name__}, not a text; nothing was sent.",
            next_step="For several prompts use lx.batch(prompts)."
            if several
            else 'Write lx.generate("a cafe terrace").',
        )
    if not isinstance(model, str):
        raise InvalidRequestError(
            f"model={model!r} is not a model's name; nothing was sent.",
            next_step=f'Leave it out for {DEFAULT_MODEL}, or write model="NAME"; '
            "%liangxin models lists the names.",
        )
    if "n" in options:
        count = options["n"]
        raise InvalidRequestError(
            f"generate() makes one request, n={count!r} is not an option; nothing was sent.",
            next_step=f"Use lx.batch([prompt], seeds={count!r}), or -n in a %%liangxin cell.",
        )


def reject_keys_in_use(*requests: Request | str) -> None:
    """Reject requests and callback URLs with a key in use, wherever they come from.

    Raises:
        InvalidRequestError: If there is one.
    """
    texts = [item if isinstance(item, str) else item.input for item in requests]
    reject_keys({"The request": texts}, allow_key_like=True)


def check_id(job_id: object) -> None:
    """Reject an id that is not text, or that may be a key.

    Raises:
        InvalidRequestError: In one line. Nothing has been sent.
    """
    if not isinstance(job_id, str):
        raise InvalidRequestError(
            f"The id is of type {type(job_id).__name__}, not a text; nothing was sent.",
            next_step="%liangxin tasks lists the ids.",
        )
    reject_keys({"The id": job_id}, is_option=False)


def supports_seed(profile: str, request: Request) -> bool:
    """Return whether the model of a request takes a seed."""
    model = find_model(profile, request.model)
    return model.seed is not None and model.in_catalog


def with_new_seed(profile: str, request: Request) -> Request:
    """Return the request with a newly drawn seed.

    Raises:
        InvalidRequestError: If its model takes no seed.
    """
    if not supports_seed(profile, request):
        raise InvalidRequestError(
            f"{request.model} takes no seed, so there is nothing to vary.",
            next_step="Again submits the same request once more.",
        )
    return _with_drawn_seed(find_model(profile, request.model), request)


def repeat(profile: str, request: Request) -> Request:
    """Return the request for one more task: a drawn seed is drawn again, a given one stays."""
    return with_new_seed(profile, request) if request.drawn_seed else request
