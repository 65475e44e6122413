"""One model, as the catalogue's data describe it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.request import Value
from .input_spec import InputSpec, Violation

__all__ = ["InputSpec", "MediaLimit", "ModelSpec", "Violation"]


@dataclass(frozen=True)
class MediaLimit:
    """Inputs whose pictures are counted together, and how many there may be."""

    inputs: tuple[str, ...]
    maximum: int
    documented: bool = True


@dataclass(frozen=True)
class ModelSpec:
    """One model of the market: its name on the wire, its inputs, and people's words for them.

    `common_options` maps aspect, size, seed and image to input names, `value_labels` their values
    to the model's own spelling; `size_inputs`: the inputs for width and height where --size is
    WIDTHxHEIGHT. `in_catalog` is False for a model that the catalogue does not list; `documented`:
    whether the service's pages state its name, `inputs_documented` whether they list its inputs:
    where not, any other input is sent unchecked. `exclusive` inputs exclude each other, those
    `together` need each other. `pixels` and `default_edges` are for the sandbox, as `duration_s`
    is.
    """

    id: str
    title: str
    kind: str = "image"
    duration_s: float = 10.0
    common_options: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    exclusive: tuple[tuple[str, ...], ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    pixels: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    in_catalog: bool = True
    vendor: str = ""
    documented: bool = True
    inputs_documented: bool = True
    prompt: InputSpec | None = None
    together: tuple[tuple[str, ...], ...] = ()
    media_limits: tuple[MediaLimit, ...] = ()
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    size_inputs: tuple[str, ...] = ()
    default_edge: int = 1024
    default_edges: Mapping[str, int] = field(default_factory=dict)

    def canonical_value(self, name: str, value: Any) -> Any:
        """The spelling of a value that the limits know, where the given one is its alias."""
        other = self.aliases.get(value) if isinstance(value, str) else None
        return other if other in self.inputs[name].allowed else value

    def model_spelling(self, word: str, value: Any) -> Any:
        """A value of one of people's words in the model's own spelling, where it has one."""
        input = self.inputs.get(self.common_options[word])
        if input is None or not isinstance(value, str) or value in input.allowed:
            return value
        ratios = {ratio: name for name, ratio in self.aliases.items() if name in input.allowed}
        known = {**ratios, **{own: own for own in input.allowed}, **self.value_labels.get(word, {})}
        return {said.casefold(): own for said, own in known.items()}.get(value.casefold(), value)

    def seed(self, number: int) -> Value:
        """A seed in the type that the model wants it in: some want it as a text."""
        input = self.inputs.get(self.common_options["seed"])
        return input.read(number) if input else number

    def size_of(self, options: Mapping[str, Any]) -> tuple[int, int]:
        """Width and height in pixels of the picture that these options ask for.

        The size input wins over the aspect input, as LiangXin's z-image page states.
        """
        sides = [options.get(name) for name in self.size_inputs]
        if len(sides) == 2 and all(isinstance(side, int) for side in sides):
            return int(str(sides[0])), int(str(sides[1]))
        asked = {word: self._option_text(word, options) for word in ("size", "aspect")}
        for value in asked.values():
            if size := self.pixels.get(self.aliases.get(value, value)):
                return size
        given = {word: value or self._default(word) for word, value in asked.items()}
        if not any(asked.values()) and (size := self._default_size()):
            return size
        return _size_of_ratio(
            self.aliases.get(given["aspect"], given["aspect"]),
            self.default_edges.get(given["size"], self.default_edge),
        )

    def _option_text(self, word: str, options: Mapping[str, Any]) -> str:
        value = options.get(self.common_options.get(word, ""))
        return "" if value is None else str(value)

    def _default(self, word: str) -> str:
        input = self.inputs.get(self.common_options.get(word, ""))
        return "" if input is None or input.default is None else str(input.default)

    def _default_size(self) -> tuple[int, int] | None:
        """The size where nothing is asked for, if the data give one."""
        sides = [self.inputs[name].default for name in self.size_inputs]
        if len(sides) == 2:
            return int(str(sides[0])), int(str(sides[1]))
        defaults = [self._default(word) for word in ("size", "aspect")]
        return next((self.pixels[value] for value in defaults if value in self.pixels), None)


def _size_of_ratio(ratio: str, edge: int) -> tuple[int, int]:
    """A picture of that shape with as many pixels as the square of that edge."""
    width, _, height = ratio.partition(":")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        return edge, edge
    root = math.sqrt(int(width) / int(height))
    return round(edge * root / 8) * 8, round(edge / root / 8) * 8
