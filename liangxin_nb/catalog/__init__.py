"""The models of each service profile, as data, and the check of a request against them."""

from __future__ import annotations

from .endpoints import uploads
from .loader import models
from .model_spec import Breach, Counted, Input, Model
from .normalize import checked
from .validation import breaches

__all__ = [
    "Breach",
    "Counted",
    "Input",
    "Model",
    "breaches",
    "checked",
    "model",
    "models",
    "uploads",
]

#: For a model nobody has listed: the names that most models of the market use.
_GUESSES = {"aspect": "aspect_ratio", "size": "image_size", "seed": "seed"}


def model(profile: str, id: str) -> Model:
    """The model of that name, or a bare one marked as unknown: new models pass through."""
    return models(profile).get(id) or Model(id=id, title=id, plain=_GUESSES, known=False)
