"""Model catalogue: each profile's models as data, and validation of requests against them."""

from __future__ import annotations

from .description import INPUT_HEADINGS, LIMITS_NOTE, describe_inputs
from .loader import load_models
from .model_spec import InputSpec, MediaLimit, ModelSpec, Violation
from .names import find_model, match_model, resolve_model, similar_models
from .normalize import normalize_options
from .validation import iter_violations

__all__ = [
    "INPUT_HEADINGS",
    "LIMITS_NOTE",
    "InputSpec",
    "MediaLimit",
    "ModelSpec",
    "Violation",
    "describe_inputs",
    "find_model",
    "iter_violations",
    "load_models",
    "match_model",
    "normalize_options",
    "resolve_model",
    "similar_models",
]
