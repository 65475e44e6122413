"""The vendors' rate rules, and how close the callers came to them."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable

__all__ = ["RateLimits"]

#: Calls allowed, and within how many seconds, per key.
_RULES = {"createTask": (20, 10.0), "recordInfo": (10, 1.0)}


class RateLimits:
    """Counts the calls of each key. `clock`: seconds that only go up."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forgets everything seen so far."""
        with self._lock:
            self._seen: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
            self._taken: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
            self._most: Counter[str] = Counter()
            self._refused: Counter[str] = Counter()

    def count_call(self, call: str, key: str) -> None:
        """Notes a call of a key, whatever is answered to it."""
        with self._lock:
            moments = _within(self._seen[call, key], self._clock(), 1.0)
            self._most[call] = max(self._most[call], len(moments))

    def is_exceeded(self, call: str, key: str) -> bool:
        """Whether one more call is too many; a refused one does not count against the next."""
        allowed, seconds = _RULES[call]
        with self._lock:
            moments = _within(self._taken[call, key], self._clock(), seconds)
            if len(moments) > allowed:
                moments.pop()
                self._refused[call] += 1
                return True
            return False

    def statistics(self) -> dict[str, dict[str, int]]:
        """By call: how many were `refused`, and the `most` seen of one key in any one second."""
        with self._lock:
            return {
                call: {"refused": self._refused[call], "most": self._most[call]} for call in _RULES
            }


def _within(moments: deque[float], now: float, seconds: float) -> deque[float]:
    """The moments of the last seconds, now among them."""
    moments.append(now)
    while moments[0] <= now - seconds:
        moments.popleft()
    return moments
