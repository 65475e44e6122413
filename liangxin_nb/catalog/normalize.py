"""Convert a user's options to the inputs that the service's API takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ..core.request import OptionValue
from ..errors import InvalidRequestError
from .input_types import shorten_value
from .model_spec import ModelSpec
from .validation import iter_violations

__all__ = ["normalize_options"]


def normalize_options(
    model: ModelSpec,
    common_options: Mapping[str, Any],
    options: Mapping[str, Any],
    prompt: str = "",
) -> tuple[dict[str, OptionValue], list[str]]:
    """Convert and check the options of a request.

    Args:
        model: The model.
        common_options: Values of ``aspect``, ``size``, ``seed`` and ``image``; None if not given.
        options: Other inputs by their names in the API.
        prompt: The prompt to check against the model's limits; not checked if empty.

    Returns:
        The inputs for the API, and notes to show to the user.

    Raises:
        InvalidRequestError: If an option is unknown or invalid. Nothing has been sent.
    """
    values = _merge(_to_inputs(model, common_options), options)
    notes = _undocumented_notes(model, values)
    inputs = {name: _read(model, name, value) for name, value in values.items()}
    for violation in iter_violations(model, inputs, prompt):
        if violation.documented:
            raise InvalidRequestError(
                f"{violation.message}. Nothing was sent, nothing was billed.",
                next_step=violation.next_step,
            )
        notes.append(f"{violation.message}, as far as is known; sent all the same.")
    return inputs, notes


def _to_inputs(model: ModelSpec, common_options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the common options by the model's input names, in its spelling."""
    values: dict[str, Any] = {}
    for option, value in common_options.items():
        if value is None:
            continue
        if option == "size" and model.size_inputs:
            values |= _split_size(model, value)
        elif option in model.common_options:
            values[model.common_options[option]] = model.model_spelling(option, value)
        else:
            raise InvalidRequestError(
                f"{model.id} has no input for --{option}; nothing was sent.",
                next_step=_describe_inputs(model),
            )
    return values


def _split_size(model: ModelSpec, value: Any) -> dict[str, str]:
    match = re.fullmatch(r"\s*(\d+)\s*[x×*]\s*(\d+)\s*", str(value))
    if not match:
        raise InvalidRequestError(
            f"--size {value!r} is not WIDTHxHEIGHT; nothing was sent.",
            next_step="Write for example --size 1024x768.",
        )
    return dict(zip(model.size_inputs, match.groups(), strict=True))


def _merge(common: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return both in one; reject an input that is in both."""
    for name in common.keys() & options.keys():
        raise InvalidRequestError(
            f"{name} is given twice, {shorten_value(common[name])} and "
            f"{shorten_value(options[name])}; nothing was sent.",
            next_step="Give it once.",
        )
    return {**common, **options}


def _undocumented_notes(model: ModelSpec, values: Mapping[str, Any]) -> list[str]:
    """Return what the service's pages do not state about the model and these inputs."""
    if not model.in_catalog:
        return [f"{model.id} is not in the catalogue: its inputs are sent unchecked."]
    notes = []
    if not model.documented:
        notes.append(f"The name {model.id} is inferred, not stated by the service's pages.")
    if not model.inputs_documented and not model.inputs:
        notes.append(f"The inputs of {model.id} are not known: they are sent unchecked.")
    elif not model.inputs_documented:
        notes += [
            f"{name} is not a known input of {model.id}: it is sent unchecked."
            for name in values
            if name not in model.inputs
        ]
    return notes


def _read(model: ModelSpec, name: str, value: Any) -> OptionValue:
    """Convert a value to its input's type; guess the type of an undocumented input."""
    if spec := model.inputs.get(name):
        return spec.read(value)
    if name == "prompt" or (model.in_catalog and model.inputs_documented):
        raise InvalidRequestError(
            f"{model.id} has no input {name!r}; nothing was sent.",
            next_step=f"{_similar_name(model, name)}{_describe_inputs(model)}",
        )
    return _guess_type(value)


def _similar_name(model: ModelSpec, name: str) -> str:
    similar = get_close_matches(name, [*model.common_options, *model.inputs], n=1)
    return f"Did you mean {similar[0]!r}? " if similar else ""


def _describe_inputs(model: ModelSpec) -> str:
    if model.inputs:
        return f"Its inputs are {', '.join(model.inputs)}."
    return "Its inputs are not known: give one by its own name, -o NAME=VALUE."


def _guess_type(value: Any) -> OptionValue:
    """Convert a text that is a JSON number, boolean, list or string."""
    try:
        guess = json.loads(value, parse_constant=str) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return guess if isinstance(guess, str | int | float | bool | list) else str(value)
