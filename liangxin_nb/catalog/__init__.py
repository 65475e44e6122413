"""The models of each service profile, as data, and the check of a request against them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ..errors import InvalidRequest
from ..request import Value
from ._base import Input, Model

__all__ = ["Input", "Model", "checked", "model", "models"]

_WORDS = ("aspect", "size", "seed")
_FLAGS = {"aspect": "--aspect", "size": "--size", "seed": "--seed"}
#: For a model nobody has listed: the names that most models of the market use.
_GUESSES = {"aspect": "aspect_ratio", "size": "image_size", "seed": "seed"}


@cache
def models(profile: str) -> Mapping[str, Model]:
    """Every model that the catalogue lists for a profile, by its name on the wire.

    The sandbox speaks LiangXin's models.
    """
    name = "kie.toml" if profile == "kie" else "liangxin.toml"
    data = tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return {id: _model(id, entry) for id, entry in data.items()}


def model(profile: str, id: str) -> Model:
    """The model of that name, or a bare one marked as unknown: new models pass through."""
    return models(profile).get(id) or Model(id=id, title=id, plain=_GUESSES, known=False)


def checked(
    model: Model, plain: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[dict[str, Value], list[str]]:
    """The wire's options for people's words and the model's own inputs, and notes to show.

    `plain` holds aspect, size, seed (None where not given); `options` the inputs by wire name.
    Raises `InvalidRequest` naming the value, what is allowed and the next step.
    """
    wire = _joined(_translated(model, plain), options)
    if not model.known:
        sent = {name: _guessed(value) for name, value in wire.items()}
        return sent, [f"{model.id} is not in the catalogue: its inputs are sent unchecked."]
    read = {name: _input(model, name).read(value) for name, value in wire.items()}
    _refuse_exclusive(model, read)
    _refuse_missing(model, read)
    notes = [note for name, value in read.items() if (note := _limit(model, name, value))]
    return read, notes


def _model(id: str, entry: dict[str, Any]) -> Model:
    inputs = {
        name: Input(name=name, **{**spec, "allowed": tuple(spec.get("allowed", ()))})
        for name, spec in entry.get("inputs", {}).items()
    }
    return Model(
        id=id,
        title=entry["title"],
        kind=entry["kind"],
        seconds=entry["seconds"],
        plain={word: entry[word] for word in _WORDS if word in entry},
        inputs=inputs,
        exclusive=tuple(tuple(group) for group in entry.get("exclusive", ())),
        aliases=entry.get("aliases", {}),
        pixels={name: (w, h) for name, (w, h) in entry.get("pixels", {}).items()},
    )


def _translated(model: Model, plain: Mapping[str, Any]) -> dict[str, Any]:
    """People's words under the model's own input names."""
    given = {word: value for word, value in plain.items() if value is not None}
    for word in given:
        if model.known and word not in model.plain:
            raise InvalidRequest(
                f"{model.id} has no input for {_FLAGS[word]}; nothing was sent.",
                next_step=f"Its inputs are {', '.join(model.inputs)}.",
            )
    return {model.plain.get(word, word): value for word, value in given.items()}


def _joined(translated: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Both ways of naming an input in one; the same input twice is refused, not overruled."""
    for name in translated.keys() & options.keys():
        raise InvalidRequest(
            f"{name} is given twice, {translated[name]!r} and {options[name]!r}; nothing was sent.",
            next_step="Give it once.",
        )
    return {**translated, **options}


def _guessed(value: Any) -> Value:
    """A typed value for an input nobody has described: a number where it reads as one."""
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return read if isinstance(read, str | int | float | bool | list) else str(value)


def _input(model: Model, name: str) -> Input:
    if name not in model.inputs:
        raise InvalidRequest(
            f"{model.id} has no input {name!r}; nothing was sent.",
            next_step=f"Its inputs are {', '.join(model.inputs)}.",
        )
    return model.inputs[name]


def _refuse_exclusive(model: Model, options: Mapping[str, Value]) -> None:
    for group in model.exclusive:
        both = [name for name in group if name in options]
        if len(both) > 1:
            given = " and ".join(f"{name} {options[name]!r}" for name in both)
            raise InvalidRequest(
                f"{given} exclude each other; nothing was sent.", next_step="Give one of them."
            )


def _refuse_missing(model: Model, options: Mapping[str, Value]) -> None:
    for name, input in model.inputs.items():
        if input.required and name not in options:
            raise InvalidRequest(
                f"{model.id} needs {name}; nothing was sent.",
                next_step=f"Allowed: {input.allows}.",
            )


def _limit(model: Model, name: str, value: Value) -> str:
    """A note for a value outside an inferred limit; a stated limit refuses."""
    input = model.inputs[name]
    if input.fits(model.aliases.get(value, value) if isinstance(value, str) else value):
        return ""
    sentence = f"{name} {value!r} is not one of {input.allows}"
    if not input.allowed:
        sentence = f"{name} {value!r} is outside {input.allows}"
    if input.stated:
        raise InvalidRequest(f"{sentence}. Nothing was sent, nothing was billed.")
    return f"{sentence}, as far as is known; sent all the same."
