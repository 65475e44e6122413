"""Check the inputs of a request against the rules of its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .impossible import is_impossible
from .input_types import shorten_value
from .model_spec import ModelSpec, Violation

__all__ = ["iter_violations"]


def iter_violations(
    model: ModelSpec, options: Mapping[str, Any], prompt: str = ""
) -> Iterator[Violation]:
    """Yield every rule of the model that a request violates, in order.

    Args:
        model: The model.
        options: The inputs, already of their types. Of inputs that the model does not list,
            only values that cannot be right are violations.
        prompt: The prompt; not checked if empty.
    """
    for check in (
        _check_exclusive,
        _check_together,
        _check_required,
        _check_media_limits,
        _check_inputs,
    ):
        yield from check(model, options)
    if model.prompt and prompt:
        for violation in model.prompt.iter_violations(prompt):
            yield replace(violation, next_step="Change the text of the prompt.")


def _check_exclusive(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    for group in model.exclusive:
        present = [name for name in group if name in options]
        if len(present) > 1:
            values = " and ".join(f"{name} {shorten_value(options[name])}" for name in present)
            message = f"{values} exclude each other"
            yield Violation(
                present[1], message, model.inputs_documented, "exclusive", "Give one of them."
            )


def _check_together(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    for group in model.together:
        missing = [name for name in group if name not in options]
        if 0 < len(missing) < len(group):
            message = f"{' and '.join(group)} go together, but {' and '.join(missing)} is not given"
            yield Violation(
                missing[0], message, model.inputs_documented, "together", "Give both or neither."
            )


def _check_required(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    # Always an error, documented or not: the service rejects a request without it.
    for name, spec in model.inputs.items():
        if spec.required and name not in options:
            message, step = f"{model.id} needs {name}", f"Allowed: {spec.allows}."
            yield Violation(name, message, rule="required", next_step=step)


def _check_media_limits(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    for limit in model.media_limits:
        values = [options[name] for name in limit.inputs if name in options]
        count = sum(len(value) if isinstance(value, list) else 1 for value in values)
        if count > limit.maximum:
            message = (
                f"{', '.join(limit.inputs)} hold {count} pictures, allowed are {limit.maximum} "
                "together"
            )
            step = f"Give at most {limit.maximum} in all."
            yield Violation(limit.inputs[-1], message, limit.documented, "media_limits", step)


def _check_inputs(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    step = f"%liangxin models {model.id} lists its inputs."
    for name, value in options.items():
        if name not in model.inputs:
            items = value if isinstance(value, list) else [value]
            if any(is_impossible(name, item) for item in items):
                message = f"{name} {shorten_value(value)} is not possible"
                yield Violation(name, message, rule="impossible")
        else:
            for violation in model.inputs[name].iter_violations(model.canonical_value(name, value)):
                yield replace(violation, next_step=step)
