"""Reservation-based rate limiting: callers reserve the next free slot and sleep until it.

Everyone who shares a key reserves one slot at a time, so the slots alternate between the
processes, first come, first served. After sleeping, a caller reserves again: others may have been
late, and their calls count from the time at which they were really made.
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
    """Where slots are stored; its methods block, and raise `OSError` if it cannot be used."""

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """Reserve the next free slot; a caller that already has one keeps its position.

        Args:
            call: The kind of request.
            limit: Its rate limit.
            caller: The id of the reservation.

        Returns:
            Seconds until the slot; 0 means now.
        """

    def confirm(self, call: str, caller: str) -> None:
        """Count a call from now on, since its response has just arrived."""

    def block(self, call: str, seconds: float) -> None:
        """Grant no slots for some seconds, because the service asked for a pause."""


def next_slot(
    reserved: Sequence[float], now: float, limit: RateLimit, blocked_until: float = 0.0
) -> float:
    """Compute the next free slot.

    Args:
        reserved: The times of earlier slots, in order.
        now: The current time.
        limit: The rate limit.
        blocked_until: No slot is granted before this time.

    Returns:
        The time of the slot.
    """
    earliest = max(now, blocked_until, reserved[-1] if reserved else now)
    if len(reserved) < limit.max_calls:
        return earliest
    return max(earliest, reserved[-limit.max_calls] + limit.period_s)
