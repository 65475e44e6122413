"""Turns as appointments: whoever asks is given the next free moment, and comes back then.

Everybody who shares a key takes an appointment at a time, so the moments go round among the
processes, first come, first served; no one has to be quick to get one. Who comes back looks once
more: the others may have come late, and count from when they really came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["RateLimit", "SlotStore", "next_slot"]


@dataclass(frozen=True)
class RateLimit:
    """At most `max_calls` calls in any `period_s` seconds."""

    max_calls: int
    period_s: float


class SlotStore(Protocol):
    """Where the appointments stand. Blocks; raises `OSError` where it cannot be used."""

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """The seconds until the next moment that is free for a call of `caller`, then taken.

        Who has an appointment keeps its place among those before it; 0 means now.
        """

    def confirm(self, call: str, caller: str) -> None:
        """The call of `caller` was answered: it counts from now, wherever it was held up."""

    def block(self, call: str, seconds: float) -> None:
        """Gives no appointments for so long: the service asked for a pause."""


def next_slot(
    taken: Sequence[float], now: float, limit: RateLimit, blocked_until: float = 0.0
) -> float:
    """The next free moment, given those taken before it, the latest last."""
    first = max(now, blocked_until, taken[-1] if taken else now)
    if len(taken) < limit.max_calls:
        return first
    return max(first, taken[-limit.max_calls] + limit.period_s)
