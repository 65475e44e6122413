"""What past durations tell about the next: a distribution, smoothed and never quite sure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

__all__ = ["MIN_SAMPLES", "DurationModel"]

#: Finished tasks below which nothing is concluded from them.
MIN_SAMPLES = 5
_HALF = 25.0  # tasks after which a duration weighs half as much: services change
_DOUBT = 0.4  # of a task's worth of belief that this one is like none before
_NARROWEST = 0.012  # the least relative spread: no service is a clock
_PARTS = (1.0, 0.5, 0.25, 0.12)  # widths that are tried, as parts of Silverman's rule
_SPAN = 450.0  # a doubtful duration lies between one unit and this many: 2 s to 15 min
_STEPS = 320  # the most points at which the distribution is written down


class DurationModel:
    """The likely durations of a task, from those of tasks like it, the newest first, in seconds.

    `unit`: the least seconds between two questions; it sets the scale. The durations are smoothed
    on a logarithmic scale (a logistic kernel around each, as wide as lets each be foretold best by
    the others, so that two humps stay two), newer ones weigh more, and a part of the belief is
    kept for any duration at all.
    """

    def __init__(self, durations: Sequence[float], unit: float = 2.0) -> None:
        known = [math.log(seconds) for seconds in durations if seconds > 0]
        self.unit = unit
        #: How many durations it rests on.
        self.count = len(known)
        weights = [math.pow(0.5, place / _HALF) for place in range(len(known))]
        total = sum(weights)
        self._doubt = _DOUBT / (total + _DOUBT)
        self._kernels = [(log, weight / total) for log, weight in zip(known, weights, strict=True)]
        self._width = _width(known)
        #: Seconds beyond which no task has ever lived.
        self.horizon = min(math.exp(max(known, default=0.0) + 3 * self._width), _SPAN * unit)
        self.step = _step(self.horizon, unit)
        count = max(2, math.ceil(self.horizon / self.step) + 1)
        #: The points in time, `step` apart, and the probability to have ended by each.
        self.times = [place * self.step for place in range(count)]
        self._ended_by_step = [self._share_ended(time) for time in self.times]

    def _share_ended(self, time: float) -> float:
        if time <= 0:
            return 0.0
        log = math.log(time)
        sure = sum(
            weight / (1.0 + math.exp(min(50.0, (centre - log) / self._width)))
            for centre, weight in self._kernels
        )
        return (1 - self._doubt) * sure + self._doubt * self._smoothed(time)

    def _smoothed(self, time: float) -> float:
        """The doubt: every order of magnitude is as likely as any other."""
        return min(1.0, max(0.0, math.log(time / self.unit) / math.log(_SPAN)))

    def probability_by(self, time: float) -> float:
        """The probability that a task has ended by that many seconds."""
        if time <= 0:
            return 0.0
        if not self._kernels:
            return self._smoothed(time)
        place = bisect_right(self.times, time) - 1
        if place + 1 >= len(self.times):
            return 1 - self._doubt * (1 - self._smoothed(time))
        share = (time - self.times[place]) / self.step
        return self._ended_by_step[place] + share * (
            self._ended_by_step[place + 1] - self._ended_by_step[place]
        )

    def probability_between(self, since: float, now: float) -> float:
        """The probability that a task which ran `since` seconds in has ended by `now`."""
        running = 1 - self.probability_by(since)
        return (
            min(1.0, max(0.0, self.probability_by(now) - self.probability_by(since)) / running)
            if running > 0
            else 1.0
        )


def _width(logs: Sequence[float]) -> float:
    """The kernel's scale: the share of Silverman's that foretells each duration best."""
    if len(logs) < 2:
        return 0.1
    mean = sum(logs) / len(logs)
    deviation = math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1))
    widest = max(_NARROWEST, 1.06 * deviation * math.pow(len(logs), -0.2) / 1.81)
    scales = [scale for part in _PARTS if (scale := part * widest) > _NARROWEST]
    return max(scales or [_NARROWEST], key=lambda scale: _prediction_error(logs, scale))


def _prediction_error(logs: Sequence[float], scale: float) -> float:
    """How well the durations foretell one another: each from all the others."""
    said = 0.0
    for place, log in enumerate(logs):
        density = 0.0
        for other, centre in enumerate(logs):
            if other != place:
                tail = math.exp(-min(50.0, abs(log - centre) / scale))
                density += tail / (1 + tail) ** 2
        said += math.log(density / scale + 1e-9)
    return said


def _step(horizon: float, unit: float) -> float:
    step = unit / 16
    while horizon / step > _STEPS:
        step *= 2
    return step
