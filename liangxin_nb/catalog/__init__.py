"""Model catalogue: each profile's models as data, and validation of requests against them."""

from __future__ import annotations

from .loader import load_models
from .model_spec import InputSpec, MediaLimit, ModelSpec, Violation
from .normalize import normalize_options
from .validation import iter_violations

__all__ = [
    "InputSpec",
    "MediaLimit",
    "ModelSpec",
    "Violation",
    "find_model",
    "iter_violations",
    "load_models",
    "normalize_options",
]


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
