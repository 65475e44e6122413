"""What a request breaks of a model's rules, and what it is told for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .input_types import shown
from .model_spec import Breach, Model

__all__ = ["breaches"]


def breaches(model: Model, options: Mapping[str, Any], prompt: str = "") -> Iterator[Breach]:
    """Every rule of the model that these options and this prompt break, in order.

    The values have the inputs' types; inputs that the model does not list are passed over.
    """
    for rule in (_exclusive, _together, _missing, _counted, _limits):
        yield from rule(model, options)
    if model.prompt and prompt:
        yield from _advised(model.prompt.breaches(prompt), "Change the text of the prompt.")


def _exclusive(model: Model, options: Mapping[str, Any]) -> Iterator[Breach]:
    for group in model.exclusive:
        both = [name for name in group if name in options]
        if len(both) > 1:
            given = " and ".join(f"{name} {shown(options[name])}" for name in both)
            words = f"{given} exclude each other"
            yield Breach(both[1], words, model.listed, "exclusive", "Give one of them.")


def _together(model: Model, options: Mapping[str, Any]) -> Iterator[Breach]:
    for group in model.together:
        lacking = [name for name in group if name not in options]
        if 0 < len(lacking) < len(group):
            words = f"{' and '.join(group)} go together, but {' and '.join(lacking)} is not given"
            yield Breach(lacking[0], words, model.listed, "together", "Give both or neither.")


def _missing(model: Model, options: Mapping[str, Any]) -> Iterator[Breach]:
    """A call without a required input fails, whoever states that it is required."""
    for name, input in model.inputs.items():
        if input.required and name not in options:
            words, step = f"{model.id} needs {name}", f"Allowed: {input.allows}."
            yield Breach(name, words, rule="required", step=step)


def _counted(model: Model, options: Mapping[str, Any]) -> Iterator[Breach]:
    for group in model.counted:
        given = [options[name] for name in group.inputs if name in options]
        count = sum(len(value) if isinstance(value, list) else 1 for value in given)
        if count > group.most:
            words = f"{', '.join(group.inputs)} hold {count} pictures, allowed are {group.most}"
            step = f"Give at most {group.most} in all."
            yield Breach(group.inputs[-1], f"{words} together", group.stated, "counted", step)


def _limits(model: Model, options: Mapping[str, Any]) -> Iterator[Breach]:
    step = f"%liangxin models {model.id} lists its inputs."
    for name, value in options.items():
        if name in model.inputs:
            found = model.inputs[name].breaches(model.plainest(name, value))
            yield from _advised(found, step)


def _advised(found: Iterator[Breach], step: str) -> Iterator[Breach]:
    return (replace(breach, step=step) for breach in found)
