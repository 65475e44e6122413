"""What an entry of a catalogue file may hold, and a model made from one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .input_types import INPUT_TYPES
from .model_spec import InputSpec, MediaLimit, ModelSpec

__all__ = ["COMMON_OPTIONS", "CatalogError", "parse_model"]

#: People's words: each may be a key of a model, naming the input behind it.
COMMON_OPTIONS = ("aspect", "size", "seed", "image")


class CatalogError(ValueError):
    """An entry that cannot be read: its place in the file, and what is wrong there."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} {why}")


Shape = tuple[Callable[[Any], bool], str]


def _all(value: Any, test: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(test(one) for one in value)


def _each(value: Any, test: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(test(one) for one in value.values())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_pair(value: Any) -> bool:
    return _all(value, _is_natural) and len(value) == 2


def _is_texts(value: Any) -> bool:
    return _all(value, _is_text)


_TEXT: Shape = (_is_text, "a text")
_TEXTS: Shape = (_is_texts, "a list of texts")
_NUMBER: Shape = (_is_number, "a number")
_NATURAL: Shape = (_is_natural, "a whole number above 0")
_TRUTH: Shape = (lambda value: isinstance(value, bool), "true or false")
_TABLE: Shape = (lambda value: _each(value, lambda one: isinstance(one, dict)), "a table of tables")
_GROUPS: Shape = (lambda value: _all(value, _is_texts), "a list of lists of inputs")
_SIDES: Shape = (lambda value: _is_texts(value) and len(value) == 2, "two inputs")
_TEXT_TO_TEXT: Shape = (lambda value: _each(value, _is_text), "a table of texts")
_MODEL: dict[str, Shape] = {
    "title": _TEXT,
    "vendor": _TEXT,
    "kind": (lambda value: value in ("image", "video", "text"), "image, video or text"),
    "duration_s": _NUMBER,
    "documented": _TRUTH,
    "inputs_documented": _TRUTH,
    **dict.fromkeys(COMMON_OPTIONS, _TEXT),
    "size_inputs": _SIDES,
    "exclusive": _GROUPS,
    "together": _GROUPS,
    "media_limits": (
        lambda value: _all(value, lambda one: isinstance(one, dict)),
        "a list of tables",
    ),
    "inputs": _TABLE,
    "value_labels": (lambda value: _each(value, _TEXT_TO_TEXT[0]), "a table of tables of texts"),
    "aliases": _TEXT_TO_TEXT,
    "pixels": (lambda value: _each(value, _is_pair), "a table of [width, height]"),
    "default_edge": _NATURAL,
    "default_edges": (lambda value: _each(value, _is_natural), "a table of whole numbers above 0"),
}
_INPUT: dict[str, Shape] = {
    "type": (lambda value: value in list(INPUT_TYPES), f"one of {', '.join(INPUT_TYPES)}"),
    "default": (lambda value: not isinstance(value, dict), "a value"),
    "required": _TRUTH,
    "allowed": _TEXTS,
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "suffixes": _TEXTS,
    "documented": _TRUTH,
    "undocumented_limits": _TEXTS,
    "help": _TEXT,
}
_COUNTED: dict[str, Shape] = {"inputs": _TEXTS, "maximum": _NATURAL, "documented": _TRUTH}


def parse_model(id: str, entry: Mapping[str, Any]) -> ModelSpec:
    """The model that an entry describes.

    Raises `CatalogError` naming the place of what is wrong.
    """
    _check_shapes(id, entry, _MODEL)
    listed = entry.get("inputs_documented", True)
    inputs = {
        name: _parse_input(f"{id}.inputs.{name}", name, listed, spec)
        for name, spec in entry.get("inputs", {}).items()
    }
    model = ModelSpec(
        id=id,
        title=entry.get("title", id),
        common_options={word: entry[word] for word in COMMON_OPTIONS if word in entry},
        # The prompt has a place of its own in a request; its limits are written like an input's.
        prompt=inputs.pop("prompt", None),
        inputs=inputs,
        exclusive=_to_tuples(entry.get("exclusive", ())),
        together=_to_tuples(entry.get("together", ())),
        media_limits=tuple(
            _parse_media_limit(id, listed, group) for group in entry.get("media_limits", ())
        ),
        pixels={name: (w, h) for name, (w, h) in entry.get("pixels", {}).items()},
        size_inputs=tuple(entry.get("size_inputs", ())),
        **{name: entry[name] for name in _COPIED if name in entry},
    )
    for place, name in _named_inputs(model):
        if name not in inputs and inputs:
            raise CatalogError(f"{id}.{place}", f"names {name!r}, which is not among its inputs")
    return model


_COPIED = (
    "kind",
    "duration_s",
    "vendor",
    "documented",
    "inputs_documented",
    "aliases",
    "value_labels",
    "default_edge",
    "default_edges",
)


def _parse_input(place: str, name: str, listed: bool, spec: Mapping[str, Any]) -> InputSpec:
    _check_shapes(place, spec, _INPUT)
    if "type" not in spec:
        raise CatalogError(place, "has no type")
    lists = {
        key: tuple(spec.get(key, ())) for key in ("allowed", "suffixes", "undocumented_limits")
    }
    input = InputSpec(name=name, **{"documented": listed, **spec, **lists})
    if input.default is not None and not input.is_valid(input.default):
        raise CatalogError(f"{place}.default", f"is {input.default!r}, allowed is {input.allows}")
    return input


def _parse_media_limit(id: str, listed: bool, group: Mapping[str, Any]) -> MediaLimit:
    _check_shapes(f"{id}.media_limits", group, _COUNTED)
    if missing := {"inputs", "maximum"} - set(group):
        raise CatalogError(f"{id}.media_limits", f"has no {' and no '.join(sorted(missing))}")
    return MediaLimit(tuple(group["inputs"]), group["maximum"], group.get("documented", listed))


def _check_shapes(place: str, entry: Mapping[str, Any], shapes: Mapping[str, Shape]) -> None:
    for key, value in entry.items():
        if key not in shapes:
            raise CatalogError(f"{place}.{key}", f"is none of {', '.join(shapes)}")
        test, words = shapes[key]
        if not test(value):
            raise CatalogError(f"{place}.{key}", f"is not {words}")


def _named_inputs(model: ModelSpec) -> Iterator[tuple[str, str]]:
    """Every place that names an input, and the name."""
    yield from model.common_options.items()
    groups = {
        "exclusive": model.exclusive,
        "together": model.together,
        "media_limits": [group.inputs for group in model.media_limits],
        "size_inputs": [model.size_inputs],
    }
    for place, found in groups.items():
        yield from ((place, name) for group in found for name in group)


def _to_tuples(groups: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(group) for group in groups)
