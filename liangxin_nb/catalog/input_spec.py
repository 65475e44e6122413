"""One input of a model: its type, its limits, and whether the limits are documented."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from ..core.request import OptionValue
from ..errors import InvalidRequestError
from .impossible import is_impossible
from .input_types import INPUT_TYPES, shorten_value

__all__ = ["InputSpec", "Violation"]

_BOUNDS = (("minimum", operator.lt), ("maximum", operator.gt))


@dataclass(frozen=True)
class Violation:
    """One rule that a request violates.

    Attributes:
        name: The input.
        message: What is wrong, without a full stop.
        documented: Whether the service's pages state the rule. If not, the request is sent anyway.
        rule: ``limit``, ``exclusive``, ``together``, ``required``, ``media_limits``, or
            ``impossible`` for a value that a service may accept although it cannot be right.
        next_step: What to do about it.
    """

    name: str
    message: str
    documented: bool = True
    rule: str = "limit"
    next_step: str = ""


class InputSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """One input of a model: its type and its limits.

    Attributes:
        name: The name in the service's API.
        type: The type of its values.
        default: The service's default, or None.
        required: Whether a request without it fails.
        allowed: All allowed values; empty if any value is allowed.
        minimum: Least value of a number, length of a text or count of a list.
        maximum: Greatest value, length or count.
        documented: Whether the service's pages state the limits.
        help: What the input does, in a few words.
        suffixes: The endings that a URL may have.
        undocumented_limits: Names of limits that are not documented although ``documented``.
    """

    name: str
    type: Literal["string", "integer", "number", "boolean", "strings"]
    default: OptionValue = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    documented: bool = True
    help: str = ""
    suffixes: tuple[str, ...] = ()
    undocumented_limits: tuple[str, ...] = ()

    @property
    def allows(self) -> str:
        """A description of the allowed values."""
        if self.allowed:
            return ", ".join(self.allowed)
        bounds, input_type = _format_range(self.minimum, self.maximum), INPUT_TYPES[self.type]
        endings = f" ending in {', '.join(self.suffixes)}" if self.suffixes else ""
        return f"{input_type.range_format.format(bounds) if bounds else input_type.label}{endings}"

    @property
    def limits(self) -> str:
        """Whether the limits are documented (others are rejected) or only usual; empty without."""
        fields = ("allowed", "minimum", "maximum", "suffixes")
        present = [name for name in fields if getattr(self, name) not in ((), None)]
        usual = [name for name in present if not self._is_documented(name)]
        if not usual:
            return "documented" if present else ""
        return "usual" if usual == present else f"documented, but {' and '.join(usual)} usual"

    @property
    def values(self) -> tuple[str, ...]:
        """The values that can be listed: the allowed ones, or true and false."""
        return ("true", "false") if self.type == "boolean" else self.allowed

    def read(self, value: Any) -> OptionValue:
        """Convert a value to the input's type.

        Args:
            value: The value as given, possibly as text.

        Raises:
            InvalidRequestError: If it cannot be converted.
        """
        converted = INPUT_TYPES[self.type].read(value)
        if converted is None:
            raise InvalidRequestError(
                f"{self.name} {shorten_value(value)} is not {INPUT_TYPES[self.type].label}; "
                "nothing was sent.",
                next_step=f"Allowed: {self.allows}.",
            )
        return converted

    def has_type(self, value: Any) -> bool:
        """Return whether the value has the input's type already, as the API requires.

        Args:
            value: The value to check.
        """
        converted = INPUT_TYPES[self.type].read(value)
        return converted is not None and type(converted) is type(value) and converted == value

    def is_valid(self, value: Any) -> bool:
        """Return whether the value has the type and is within all limits.

        Args:
            value: The value to check.
        """
        return self.has_type(value) and not any(self.iter_violations(value))

    def iter_violations(self, value: Any) -> Iterator[Violation]:
        """Yield the limits that a value of the input's type violates.

        Args:
            value: The value to check.
        """
        # The minimum of a list is a number of addresses.
        if self.type != "strings" and is_impossible(self.name, value, self.minimum):
            message = f"{self.name} {shorten_value(value)} is not possible; allowed: {self.allows}"
            yield Violation(self.name, message, rule="impossible")
        if self.allowed and str(value) not in self.allowed:
            yield self._violation(
                "allowed", f"{self.name} {shorten_value(value)} is not one of {self.allows}"
            )
        input_type = INPUT_TYPES[self.type]
        size = input_type.measure(value)
        for limit, is_outside in _BOUNDS:
            if (bound := getattr(self, limit)) is not None and is_outside(size, bound):
                yield self._violation(
                    limit,
                    input_type.outside_format.format(
                        name=self.name,
                        value=shorten_value(value),
                        count=int(size),
                        allows=self.allows,
                    ),
                )
        for url in _iter_without_suffix(value, self.suffixes):
            yield self._violation(
                "suffixes",
                f"{self.name} {shorten_value(url)} does not end in {', '.join(self.suffixes)}, "
                "nor is it a data URI of that type",
            )

    def _violation(self, limit: str, message: str) -> Violation:
        return Violation(self.name, message, self._is_documented(limit))

    def _is_documented(self, limit: str) -> bool:
        return self.documented and limit not in self.undocumented_limits


def _format_range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return "" if maximum is None else f"at most {maximum}"
    if maximum is None:
        return f"{minimum} or more"
    return f"{minimum}" if minimum == maximum else f"{minimum} to {maximum}"


def _iter_without_suffix(value: Any, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the URLs without one of the suffixes that are not data URIs of those types either."""
    types = tuple(f"data:image/{suffix.removeprefix('.')}" for suffix in suffixes)
    for url in value if isinstance(value, list) else [value]:
        if suffixes and not url.lower().endswith(suffixes):
            data_type = url.lower().partition(",")[0].partition(";")[0]
            if data_type not in types:
                yield url
