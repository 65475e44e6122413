"""One input of a model: its type, what it allows, and how sure that is."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.request import Value
from ..errors import InvalidRequestError
from .input_types import INPUT_TYPES, shorten_value

__all__ = ["InputSpec", "Violation"]

_BOUNDS = (("minimum", operator.lt), ("maximum", operator.gt))


@dataclass(frozen=True)
class Violation:
    """One rule that a request breaks, in words. `documented`: whether the pages state the rule.

    `name`: the input it is about; `rule`: limit, exclusive, together, required or counted.
    """

    name: str
    message: str
    documented: bool = True
    rule: str = "limit"
    next_step: str = ""


@dataclass(frozen=True)
class InputSpec:
    """One input of a model: its type and what it allows.

    `minimum` and `maximum` bound a number itself, a text's length, a list's count; `suffixes`: how
    an address must end. `documented`: whether the service's pages state the limits, less those
    named in `undocumented_limits`; a limit that is only inferred warns.
    """

    name: str
    type: str
    default: Value = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    documented: bool = True
    help: str = ""
    suffixes: tuple[str, ...] = ()
    undocumented_limits: tuple[str, ...] = ()

    @property
    def allows(self) -> str:
        """What may be given, in words."""
        if self.allowed:
            return ", ".join(self.allowed)
        span, kind = _format_range(self.minimum, self.maximum), INPUT_TYPES[self.type]
        ends = f" ending in {', '.join(self.suffixes)}" if self.suffixes else ""
        return f"{kind.range_format.format(span) if span else kind.label}{ends}"

    @property
    def values(self) -> tuple[str, ...]:
        """The values that can be listed: the allowed ones, or true and false."""
        return ("true", "false") if self.type == "boolean" else self.allowed

    def read(self, value: Any) -> Value:
        """The value in the input's own type; raises `InvalidRequestError` when it has another."""
        read = INPUT_TYPES[self.type].read(value)
        if read is None:
            raise InvalidRequestError(
                f"{self.name} {shorten_value(value)} is not {INPUT_TYPES[self.type].label}; "
                "nothing was sent.",
                next_step=f"Allowed: {self.allows}.",
            )
        return read

    def has_type(self, value: Any) -> bool:
        """Whether the value has the input's own type already, as it must on the wire."""
        read = INPUT_TYPES[self.type].read(value)
        return read is not None and type(read) is type(value) and read == value

    def is_valid(self, value: Any) -> bool:
        """Whether the value has the type and lies within the limits, stated or inferred."""
        return self.has_type(value) and not any(self.iter_violations(value))

    def iter_violations(self, value: Any) -> Iterator[Violation]:
        """The limits that a value of the input's type breaks."""
        if self.allowed and str(value) not in self.allowed:
            yield self._violation(
                "allowed", f"{self.name} {shorten_value(value)} is not one of {self.allows}"
            )
        measure, kind = INPUT_TYPES[self.type].measure(value), INPUT_TYPES[self.type]
        for limit, broken in _BOUNDS:
            if (bound := getattr(self, limit)) is not None and broken(measure, bound):
                yield self._violation(
                    limit,
                    kind.outside_format.format(
                        name=self.name,
                        value=shorten_value(value),
                        count=int(measure),
                        allows=self.allows,
                    ),
                )
        for address in _without_suffix(value, self.suffixes):
            ends = ", ".join(self.suffixes)
            yield self._violation(
                "suffixes",
                f"{self.name} {shorten_value(address)} does not end in {ends}, nor is it such a "
                "data URI",
            )

    def _violation(self, limit: str, message: str) -> Violation:
        return Violation(
            self.name, message, self.documented and limit not in self.undocumented_limits
        )


def _format_range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return "" if maximum is None else f"at most {maximum}"
    if maximum is None:
        return f"{minimum} or more"
    return f"{minimum}" if minimum == maximum else f"{minimum} to {maximum}"


def _without_suffix(value: Any, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The addresses that neither end as they must nor carry a picture of those types."""
    types = tuple(f"data:image/{ending.removeprefix('.')}" for ending in suffixes)
    for address in value if isinstance(value, list) else [value]:
        if suffixes and not address.lower().endswith(suffixes):
            kind = address.lower().partition(",")[0].partition(";")[0]
            if kind not in types:
                yield address
