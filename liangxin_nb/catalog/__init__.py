"""The models of each service profile, as data, and the check of a request against them."""

from __future__ import annotations

from .endpoints import upload_base_url
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
    "upload_base_url",
]

#: For a model no one has listed: the names that most models of the market use.
_COMMON_INPUTS = {"aspect": "aspect_ratio", "size": "image_size", "seed": "seed"}


def find_model(profile: str, id: str) -> ModelSpec:
    """The model of that name, or a bare one marked as unknown: new models pass through."""
    return load_models(profile).get(id) or ModelSpec(
        id=id, title=id, common_options=_COMMON_INPUTS, in_catalog=False
    )
