"""One input of a model: its type, what it allows, and how sure that is."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.request import Value
from ..errors import InvalidRequestError
from .input_types import KINDS, shown

__all__ = ["Breach", "Input"]

_BOUNDS = (("least", operator.lt), ("most", operator.gt))


@dataclass(frozen=True)
class Breach:
    """One rule that a request breaks, in words. `stated`: whether the pages state the rule.

    `name`: the input it is about; `rule`: limit, exclusive, together, required or counted.
    """

    name: str
    words: str
    stated: bool = True
    rule: str = "limit"
    step: str = ""


@dataclass(frozen=True)
class Input:
    """One input of a model: its type and what it allows.

    `least` and `most` bound a number itself, a text's length, a list's count; `endings`: how an
    address must end. `stated`: whether the service's pages state the limits, less those named in
    `inferred`; a limit that is only inferred warns.
    """

    name: str
    type: str
    default: Value = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    stated: bool = True
    help: str = ""
    endings: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()

    @property
    def allows(self) -> str:
        """What may be given, in words."""
        if self.allowed:
            return ", ".join(self.allowed)
        span, kind = _span(self.least, self.most), KINDS[self.type]
        ends = f" ending in {', '.join(self.endings)}" if self.endings else ""
        return f"{kind.span.format(span) if span else kind.words}{ends}"

    @property
    def values(self) -> tuple[str, ...]:
        """The values that can be listed: the allowed ones, or true and false."""
        return ("true", "false") if self.type == "boolean" else self.allowed

    def read(self, value: Any) -> Value:
        """The value in the input's own type; raises `InvalidRequestError` when it has another."""
        read = KINDS[self.type].read(value)
        if read is None:
            raise InvalidRequestError(
                f"{self.name} {shown(value)} is not {KINDS[self.type].words}; nothing was sent.",
                next_step=f"Allowed: {self.allows}.",
            )
        return read

    def typed(self, value: Any) -> bool:
        """Whether the value has the input's own type already, as it must on the wire."""
        read = KINDS[self.type].read(value)
        return read is not None and type(read) is type(value) and read == value

    def fits(self, value: Any) -> bool:
        """Whether the value has the type and lies within the limits, stated or inferred."""
        return self.typed(value) and not any(self.breaches(value))

    def breaches(self, value: Any) -> Iterator[Breach]:
        """The limits that a value of the input's type breaks."""
        if self.allowed and str(value) not in self.allowed:
            yield self._breach("allowed", f"{self.name} {shown(value)} is not one of {self.allows}")
        measure, kind = KINDS[self.type].measure(value), KINDS[self.type]
        for limit, broken in _BOUNDS:
            if (bound := getattr(self, limit)) is not None and broken(measure, bound):
                yield self._breach(
                    limit,
                    kind.outside.format(
                        name=self.name, value=shown(value), count=int(measure), allows=self.allows
                    ),
                )
        for address in _astray(value, self.endings):
            ends = ", ".join(self.endings)
            yield self._breach(
                "endings",
                f"{self.name} {shown(address)} does not end in {ends}, nor is it such a data URI",
            )

    def _breach(self, limit: str, words: str) -> Breach:
        return Breach(self.name, words, self.stated and limit not in self.inferred)


def _span(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f"at most {most}"
    if most is None:
        return f"{least} or more"
    return f"{least}" if least == most else f"{least} to {most}"


def _astray(value: Any, endings: tuple[str, ...]) -> Iterator[str]:
    """The addresses that neither end as they must nor carry a picture of those types."""
    types = tuple(f"data:image/{ending.removeprefix('.')}" for ending in endings)
    for address in value if isinstance(value, list) else [value]:
        if endings and not address.lower().endswith(endings):
            kind = address.lower().partition(",")[0].partition(";")[0]
            if kind not in types:
                yield address
