"""What a request breaks of a model's rules, and what it is told for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .input_types import shorten_value
from .model_spec import ModelSpec, Violation

__all__ = ["iter_violations"]


def iter_violations(
    model: ModelSpec, options: Mapping[str, Any], prompt: str = ""
) -> Iterator[Violation]:
    """Every rule of the model that these options and this prompt break, in order.

    The values have the inputs' types; inputs that the model does not list are passed over.
    """
    for rule in (
        _check_exclusive,
        _check_together,
        _check_required,
        _check_media_limits,
        _check_inputs,
    ):
        yield from rule(model, options)
    if model.prompt and prompt:
        yield from _with_next_step(
            model.prompt.iter_violations(prompt), "Change the text of the prompt."
        )


def _check_exclusive(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    for group in model.exclusive:
        both = [name for name in group if name in options]
        if len(both) > 1:
            given = " and ".join(f"{name} {shorten_value(options[name])}" for name in both)
            words = f"{given} exclude each other"
            yield Violation(
                both[1], words, model.inputs_documented, "exclusive", "Give one of them."
            )


def _check_together(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    for group in model.together:
        lacking = [name for name in group if name not in options]
        if 0 < len(lacking) < len(group):
            words = f"{' and '.join(group)} go together, but {' and '.join(lacking)} is not given"
            yield Violation(
                lacking[0], words, model.inputs_documented, "together", "Give both or neither."
            )


def _check_required(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    """A call without a required input fails, whoever states that it is required."""
    for name, input in model.inputs.items():
        if input.required and name not in options:
            words, step = f"{model.id} needs {name}", f"Allowed: {input.allows}."
            yield Violation(name, words, rule="required", next_step=step)


def _check_media_limits(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    for group in model.media_limits:
        given = [options[name] for name in group.inputs if name in options]
        count = sum(len(value) if isinstance(value, list) else 1 for value in given)
        if count > group.maximum:
            words = f"{', '.join(group.inputs)} hold {count} pictures, allowed are {group.maximum}"
            step = f"Give at most {group.maximum} in all."
            yield Violation(
                group.inputs[-1], f"{words} together", group.documented, "media_limits", step
            )


def _check_inputs(model: ModelSpec, options: Mapping[str, Any]) -> Iterator[Violation]:
    step = f"%liangxin models {model.id} lists its inputs."
    for name, value in options.items():
        if name in model.inputs:
            found = model.inputs[name].iter_violations(model.canonical_value(name, value))
            yield from _with_next_step(found, step)


def _with_next_step(found: Iterator[Violation], step: str) -> Iterator[Violation]:
    return (replace(violation, next_step=step) for violation in found)
