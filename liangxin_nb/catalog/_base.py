"""One model and its inputs, as the catalogue's data describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidRequest
from ..request import Value

__all__ = ["Input", "Model"]

_WORDS = {"string": "a text", "integer": "a whole number", "boolean": "true or false"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Input:
    """One input of a model: its type and what it allows.

    `stated`: whether the service's pages state the limits; a limit that is only inferred warns.
    """

    name: str
    type: str
    default: Value = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    stated: bool = True
    help: str = ""

    @property
    def allows(self) -> str:
        """What may be given, in words."""
        if self.allowed:
            return ", ".join(self.allowed)
        if self.least is not None and self.most is not None:
            return f"{self.least} to {self.most}"
        return _WORDS[self.type]

    @property
    def values(self) -> tuple[str, ...]:
        """The values that can be listed: the allowed ones, or true and false."""
        return ("true", "false") if self.type == "boolean" else self.allowed

    def read(self, value: Any) -> Value:
        """The value in the input's own type; raises `InvalidRequest` when it has another."""
        readers = {"string": _string, "integer": _integer, "boolean": _boolean}
        read = readers[self.type](value)
        if read is None:
            raise InvalidRequest(
                f"{self.name} {value!r} is not {_WORDS[self.type]}; nothing was sent."
            )
        return read

    def fits(self, value: Value) -> bool:
        """Whether the value lies within the limits, stated or inferred."""
        if self.allowed:
            return value in self.allowed
        if isinstance(value, int) and self.type == "integer":
            return (self.least is None or value >= self.least) and (
                self.most is None or value <= self.most
            )
        return True


@dataclass(frozen=True)
class Model:
    """One model of the market: its name on the wire, its inputs, and people's words for them.

    `plain` maps aspect, size and seed to input names; `known` is False for a model that the
    catalogue does not list, whose inputs pass through unchecked.
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

    def size_of(self, options: Mapping[str, Any]) -> tuple[int, int]:
        """Width and height in pixels of the picture that these options ask for.

        The size input wins over the aspect input, as LiangXin's z-image page states.
        """
        for word in ("size", "aspect"):
            value = options.get(self.plain.get(word, ""))
            if size := self.pixels.get(self.aliases.get(str(value), str(value))):
                return size
        return self._default_size()

    def _default_size(self) -> tuple[int, int]:
        defaults = (
            self.inputs[name].default for name in self.plain.values() if name in self.inputs
        )
        return next((self.pixels[str(d)] for d in defaults if str(d) in self.pixels), (1024, 1024))


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    return (
        int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() else None
    )


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _TRUTH.get(str(value).strip().lower())
