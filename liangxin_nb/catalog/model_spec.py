"""One model, as the catalogue's data describe it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.request import Value
from .input_spec import Breach, Input

__all__ = ["Breach", "Counted", "Input", "Model"]


@dataclass(frozen=True)
class Counted:
    """Inputs whose pictures are counted together, and how many there may be."""

    inputs: tuple[str, ...]
    most: int
    stated: bool = True


@dataclass(frozen=True)
class Model:
    """One model of the market: its name on the wire, its inputs, and people's words for them.

    `plain` maps aspect, size, seed and image to input names, `words` their values to the model's
    own spelling; `sides`: the inputs for width and height where --size is WIDTHxHEIGHT. `known` is
    False for a model that the catalogue does not list; `stated`: whether the service's pages state
    its name, `listed` whether they list its inputs: where not, any other input is sent unchecked.
    `exclusive` inputs exclude each other, those `together` need each other.
    `pixels` and `edges` are for the sandbox, as `seconds` is.
    """

    id: str
    title: str
    kind: str = "image"
    seconds: float = 10.0
    plain: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    exclusive: tuple[tuple[str, ...], ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    pixels: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    known: bool = True
    vendor: str = ""
    stated: bool = True
    listed: bool = True
    prompt: Input | None = None
    together: tuple[tuple[str, ...], ...] = ()
    counted: tuple[Counted, ...] = ()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sides: tuple[str, ...] = ()
    edge: int = 1024
    edges: Mapping[str, int] = field(default_factory=dict)

    def plainest(self, name: str, value: Any) -> Any:
        """The spelling of a value that the limits know, where the given one is its alias."""
        other = self.aliases.get(value) if isinstance(value, str) else None
        return other if other in self.inputs[name].allowed else value

    def spelled(self, word: str, value: Any) -> Any:
        """A value of one of people's words in the model's own spelling, where it has one."""
        input = self.inputs.get(self.plain[word])
        if input is None or not isinstance(value, str) or value in input.allowed:
            return value
        ratios = {ratio: name for name, ratio in self.aliases.items() if name in input.allowed}
        known = {**ratios, **{own: own for own in input.allowed}, **self.words.get(word, {})}
        return {said.casefold(): own for said, own in known.items()}.get(value.casefold(), value)

    def seed(self, number: int) -> Value:
        """A seed in the type that the model wants it in: some want it as a text."""
        input = self.inputs.get(self.plain["seed"])
        return input.read(number) if input else number

    def size_of(self, options: Mapping[str, Any]) -> tuple[int, int]:
        """Width and height in pixels of the picture that these options ask for.

        The size input wins over the aspect input, as LiangXin's z-image page states.
        """
        sides = [options.get(name) for name in self.sides]
        if len(sides) == 2 and all(isinstance(side, int) for side in sides):
            return int(str(sides[0])), int(str(sides[1]))
        asked = {word: self._asked(word, options) for word in ("size", "aspect")}
        for value in asked.values():
            if size := self.pixels.get(self.aliases.get(value, value)):
                return size
        given = {word: value or self._default(word) for word, value in asked.items()}
        if not any(asked.values()) and (size := self._default_size()):
            return size
        return _shaped(
            self.aliases.get(given["aspect"], given["aspect"]),
            self.edges.get(given["size"], self.edge),
        )

    def _asked(self, word: str, options: Mapping[str, Any]) -> str:
        value = options.get(self.plain.get(word, ""))
        return "" if value is None else str(value)

    def _default(self, word: str) -> str:
        input = self.inputs.get(self.plain.get(word, ""))
        return "" if input is None or input.default is None else str(input.default)

    def _default_size(self) -> tuple[int, int] | None:
        """The size where nothing is asked for, if the data give one."""
        sides = [self.inputs[name].default for name in self.sides]
        if len(sides) == 2:
            return int(str(sides[0])), int(str(sides[1]))
        defaults = [self._default(word) for word in ("size", "aspect")]
        return next((self.pixels[value] for value in defaults if value in self.pixels), None)


def _shaped(ratio: str, edge: int) -> tuple[int, int]:
    """A picture of that shape with as many pixels as the square of that edge."""
    width, _, height = ratio.partition(":")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        return edge, edge
    root = math.sqrt(int(width) / int(height))
    return round(edge * root / 8) * 8, round(edge / root / 8) * 8
