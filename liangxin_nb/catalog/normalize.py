"""From people's words and typed options to what the wire takes, or the error that says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ..core.request import Value
from ..errors import InvalidRequestError
from .input_types import shorten_value
from .model_spec import InputSpec, ModelSpec
from .validation import iter_violations

__all__ = ["normalize_options"]


def normalize_options(
    model: ModelSpec,
    common_options: Mapping[str, Any],
    options: Mapping[str, Any],
    prompt: str = "",
) -> tuple[dict[str, Value], list[str]]:
    """The wire's options for people's words and the model's own inputs, and notes to show.

    `common_options` holds aspect, size, seed, image (None where not given); `options` the inputs by
    wire name; `prompt`, where given, is held against the model's limits for it. Raises
    `InvalidRequestError` naming the value, what is allowed and the next step.
    """
    wire = _merge(_to_inputs(model, common_options), options)
    notes = _undocumented_notes(model, wire)
    read = {name: _read(model, name, value) for name, value in wire.items()}
    for violation in iter_violations(model, read, prompt):
        if violation.documented:
            raise InvalidRequestError(
                f"{violation.message}. Nothing was sent, nothing was billed.",
                next_step=violation.next_step,
            )
        notes.append(f"{violation.message}, as far as is known; sent all the same.")
    return read, notes


def _to_inputs(model: ModelSpec, common_options: Mapping[str, Any]) -> dict[str, Any]:
    """People's words under the model's own input names, in its own spelling."""
    wire: dict[str, Any] = {}
    for word, value in common_options.items():
        if value is None:
            continue
        if word == "size" and model.size_inputs:
            wire |= _split_size(model, value)
        elif word in model.common_options:
            wire[model.common_options[word]] = model.model_spelling(word, value)
        else:
            raise InvalidRequestError(
                f"{model.id} has no input for --{word}; nothing was sent.",
                next_step=_model_names(model),
            )
    return wire


def _split_size(model: ModelSpec, value: Any) -> dict[str, str]:
    found = re.fullmatch(r"\s*(\d+)\s*[x×*]\s*(\d+)\s*", str(value))
    if not found:
        raise InvalidRequestError(
            f"--size {value!r} is not WIDTHxHEIGHT; nothing was sent.",
            next_step="Write for example --size 1024x768.",
        )
    return dict(zip(model.size_inputs, found.groups(), strict=True))


def _merge(translated: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Both ways of naming an input in one; the same input twice is refused, not overruled."""
    for name in translated.keys() & options.keys():
        raise InvalidRequestError(
            f"{name} is given twice, {shorten_value(translated[name])} and "
            f"{shorten_value(options[name])}; "
            "nothing was sent.",
            next_step="Give it once.",
        )
    return {**translated, **options}


def _undocumented_notes(model: ModelSpec, wire: Mapping[str, Any]) -> list[str]:
    """What is not known of the model itself, in notes."""
    if not model.in_catalog:
        return [f"{model.id} is not in the catalogue: its inputs are sent unchecked."]
    notes = []
    if not model.documented:
        notes.append(f"The name {model.id} is inferred, not stated by the service's pages.")
    if not model.inputs_documented and not model.inputs:
        notes.append(f"The inputs of {model.id} are not known: they are sent unchecked.")
        return notes
    strange = [] if model.inputs_documented else [name for name in wire if name not in model.inputs]
    return notes + [
        f"{name} is not a known input of {model.id}: it is sent unchecked." for name in strange
    ]


def _read(model: ModelSpec, name: str, value: Any) -> Value:
    """The value in its input's type; where the inputs are not all known, a guess at it."""
    input = model.inputs.get(name)
    if input is None and name != "prompt" and not (model.in_catalog and model.inputs_documented):
        return _guess_type(value)
    return _input(model, name, input).read(value)


def _input(model: ModelSpec, name: str, input: InputSpec | None) -> InputSpec:
    if input is None:
        raise InvalidRequestError(
            f"{model.id} has no input {name!r}; nothing was sent.",
            next_step=f"{_similar_name(model, name)}{_model_names(model)}",
        )
    return input


def _similar_name(model: ModelSpec, name: str) -> str:
    similar = get_close_matches(name, [*model.common_options, *model.inputs], n=1)
    return f"Did you mean {similar[0]!r}? " if similar else ""


def _model_names(model: ModelSpec) -> str:
    if model.inputs:
        return f"Its inputs are {', '.join(model.inputs)}."
    return "Its inputs are not known: give one by its own name, -o NAME=VALUE."


def _guess_type(value: Any) -> Value:
    """A typed value for an input no one has described: a number where it reads as one."""
    try:
        read = json.loads(value, parse_constant=str) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return read if isinstance(read, str | int | float | bool | list) else str(value)
