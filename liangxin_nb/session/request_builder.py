"""From people's words to checked requests: one, or several that differ in their seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from ..catalog import find_model, normalize_options
from ..core.request import Request
from ..errors import InvalidRequestError
from .media_input import to_data_uri

__all__ = ["build_requests", "supports_seed", "with_new_seed"]

_UPLOADED = (
    "KIE takes addresses only: the reference picture is uploaded to it first, and whoever has its "
    "address there can see it for up to 3 days."
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
) -> tuple[list[Request], list[str]]:
    """`count` checked requests, and the notes to show with them; nothing is sent.

    `common_options`: aspect, size and seed in people's words; `options`: the model's inputs by
    their own names; `images`: reference pictures, see `references`. Of several, a given seed counts
    up; without one each gets a random seed, so that the pictures differ and each can be made again.
    Raises `InvalidRequestError`.
    """
    chosen = find_model(profile, model)
    pictures = [to_data_uri(image) for image in images]
    wire, notes = normalize_options(
        chosen, {**common_options, "image": pictures or None}, options, prompt
    )
    if profile == "kie" and any(picture.startswith("data:") for picture in pictures):
        notes = [*notes, _UPLOADED]
    name = chosen.common_options.get("seed")
    if count == 1 or name is None:
        return [Request(model, prompt, wire)] * count, notes
    start = str(wire.get(name, ""))  # some models want the number as text
    seeds = (
        range(int(start), int(start) + count)
        if start.isascii() and start.isdigit()
        else [random.randrange(1, 1 << 32) for _ in range(count)]  # noqa: S311 no secret
    )
    return [Request(model, prompt, {**wire, name: chosen.seed(seed)}) for seed in seeds], notes


def supports_seed(profile: str, request: Request) -> bool:
    """Whether the request's model takes a seed, so that it can be asked for with a new one."""
    return (
        "seed" in find_model(profile, request.model).common_options
        and find_model(profile, request.model).in_catalog
    )


def with_new_seed(profile: str, request: Request) -> Request:
    """The same request with a new random seed; raises `InvalidRequestError` when it takes none."""
    chosen = find_model(profile, request.model)
    if not supports_seed(profile, request):
        raise InvalidRequestError(
            f"{request.model} takes no seed, so there is nothing to vary.",
            next_step="Again asks for the same once more.",
        )
    seed = chosen.seed(random.randrange(1, 1 << 32))  # noqa: S311 no secret
    return Request(
        request.model, request.prompt, {**request.options, chosen.common_options["seed"]: seed}
    )
