"""The rate limits of the service, and statistics of the calls."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable

__all__ = ["RateLimits"]

#: Allowed calls per key, and the period in seconds.
_LIMITS = {"createTask": (20, 10.0), "recordInfo": (10, 1.0)}


class RateLimits:
    """Counts the calls of each key.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Reset all counters."""
        with self._lock:
            self._call_times: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
            self._accepted_times: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
            self._max_per_second: Counter[str] = Counter()
            self._rejected: Counter[str] = Counter()

    def count_call(self, call: str, key: str) -> None:
        """Count a call of a key, accepted or not."""
        with self._lock:
            times = _add_time(self._call_times[call, key], self._clock(), 1.0)
            self._max_per_second[call] = max(self._max_per_second[call], len(times))

    def is_exceeded(self, call: str, key: str) -> bool:
        """Return whether a call exceeds the limit; rejected calls do not count towards it."""
        allowed, seconds = _LIMITS[call]
        with self._lock:
            times = _add_time(self._accepted_times[call, key], self._clock(), seconds)
            if len(times) > allowed:
                times.pop()
                self._rejected[call] += 1
                return True
            return False

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return per call how many were rejected, and the maximum of one key in one second."""
        with self._lock:
            return {
                call: {
                    "rejected": self._rejected[call],
                    "max_per_second": self._max_per_second[call],
                }
                for call in _LIMITS
            }


def _add_time(times: deque[float], now: float, seconds: float) -> deque[float]:
    """Add the current time and return the times of the last `seconds`."""
    times.append(now)
    while times[0] <= now - seconds:
        times.popleft()
    return times
