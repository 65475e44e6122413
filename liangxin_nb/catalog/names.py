"""Model names: other spellings of a name, and what was meant by a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from ..errors import InvalidRequestError
from .input_types import shorten_value
from .loader import load_models
from .model_spec import ModelSpec

__all__ = ["find_model", "match_model", "resolve_model", "similar_models"]

_OPT_IN = (
    "A model that the catalogue does not list yet needs --any-model in a cell, any_model=True in "
    "Python"
)


def find_model(profile: str, name: str) -> ModelSpec:
    """Return the model of this name.

    Args:
        profile: ``"liangxin"``, ``"kie"`` or ``"sandbox"``.
        name: The model's name in the service's API.

    Returns:
        The catalogue's entry. For a model that it does not list, an entry with
        ``in_catalog=False`` and the input names that most models use, so that new models can be
        used before the catalogue knows them.
    """
    return load_models(profile).get(name) or ModelSpec(
        id=name,
        title=name,
        aspect="aspect_ratio",
        size="image_size",
        seed="seed",
        in_catalog=False,
    )


def match_model(models: Mapping[str, ModelSpec], name: str) -> ModelSpec | None:
    """Return the only model with this name or title; case, spaces and punctuation may differ.

    Args:
        models: The models by their names in the service's API.
        name: The name as written, such as ``"Z-Image"`` or ``"kling v3 pro"``.
    """
    if name in models:
        return models[name]
    key = _key(name)
    for spellings in (_names, _titles):
        found = [m for m in models.values() if key and key in map(_key, spellings(m))]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def resolve_model(profile: str, name: str, *, any_model: bool = False) -> ModelSpec:
    """Return the model of a request.

    Args:
        profile: ``"liangxin"``, ``"kie"`` or ``"sandbox"``.
        name: The name as written.
        any_model: Whether a name that the catalogue does not list is used as it is written.

    Raises:
        InvalidRequestError: If the catalogue lists no such model. Nothing has been sent.
    """
    models = load_models(profile)
    if model := match_model(models, name):
        return model
    if any_model or not name.strip():  # a request without a model has its own error
        return find_model(profile, name)
    similar = similar_models(models, name)
    meant = f"Did you mean {' or '.join(similar)}?" if similar else "%liangxin models lists them."
    raise InvalidRequestError(
        f"{shorten_value(name)} is not a model of the {profile} catalogue; nothing was sent.",
        next_step=f"{meant} {_OPT_IN}.",
    )


def similar_models(models: Mapping[str, ModelSpec], name: str) -> list[str]:
    """Return the names of at most three models that may be meant, the most similar one first."""
    by_key: dict[str, list[str]] = {}
    for model in models.values():
        for text in _all_names(model):
            by_key.setdefault(_key(text), []).append(model.id)
    key = _key(name)
    keys = get_close_matches(key, by_key, 6, 0.7)
    keys += [text for text in by_key if len(key) > 2 and text.startswith(key)]
    return [*dict.fromkeys(model_id for text in keys for model_id in by_key[text])][:3]


def _key(text: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", text).casefold()


def _names(model: ModelSpec) -> Iterator[str]:
    yield model.id


def _titles(model: ModelSpec) -> Iterator[str]:
    yield model.title
    yield f"{model.vendor} {model.title}"


def _all_names(model: ModelSpec) -> Iterator[str]:
    yield from _names(model)
    yield from _titles(model)
