"""Turns as appointments: whoever asks is given the next free moment, and comes back then.

Everybody who shares a key takes an appointment at a time, so the moments go round among the
processes, first come, first served; nobody has to be quick to get one. Who comes back looks once
more: the others may have come late, and count from when they really came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Book", "Rule", "slot"]


@dataclass(frozen=True)
class Rule:
    """At most `most` calls in any `within` seconds."""

    most: int
    within: float


class Book(Protocol):
    """Where the appointments stand. Blocks; raises `OSError` where it cannot be used."""

    def reserve(self, call: str, rule: Rule, who: str) -> float:
        """The seconds until the next moment that is free for a call of `who`, then taken.

        Who has an appointment keeps its place among those before it; 0 means now.
        """

    def sent(self, call: str, who: str) -> None:
        """The call of `who` was answered: it counts from now, wherever it was held up."""

    def close(self, call: str, seconds: float) -> None:
        """Gives no appointments for so long: the service asked for a pause."""


def slot(before: Sequence[float], now: float, rule: Rule, closed: float = 0.0) -> float:
    """The next free moment, given those taken before it, the latest last."""
    first = max(now, closed, before[-1] if before else now)
    if len(before) < rule.most:
        return first
    return max(first, before[-rule.most] + rule.within)
