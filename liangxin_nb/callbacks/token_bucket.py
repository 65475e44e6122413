"""How often one may call: a bucket of tokens that fills up again."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["TokenBuckets"]


class TokenBuckets:
    """A bucket for each name. `burst`: calls at once, `rate`: calls a second after that.

    Full buckets are forgotten, so that names from outside do not fill the memory.
    """

    def __init__(
        self, burst: float, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}
        self._max_names = 1024

    def take(self, name: str) -> bool:
        """Takes one token; False when there is none."""
        now = self._clock()
        if len(self._levels) >= self._max_names:
            self._sweep(now)
        level = self._level(name, now)
        self._levels[name] = (max(level - 1.0, 0.0) if level >= 1.0 else level, now)
        return level >= 1.0

    def _level(self, name: str, now: float) -> float:
        level, since = self._levels.get(name, (self._burst, now))
        return min(self._burst, level + (now - since) * self._rate)

    def _sweep(self, now: float) -> None:
        full = [name for name in self._levels if self._level(name, now) >= self._burst]
        for name in full:
            del self._levels[name]
        self._max_names = max(1024, 2 * len(self._levels))
