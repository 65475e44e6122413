"""The distribution of a task's duration, estimated from earlier tasks."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["MIN_SAMPLES", "DurationModel", "TaskDuration"]

#: The minimum number of finished tasks from which a schedule is learned.
MIN_SAMPLES = 5
_HALF_LIFE = 25.0  # tasks after which a duration has half the weight: services change
_PRIOR_WEIGHT = 0.4  # the weight of the prior: a new task may be unlike all earlier ones
_MIN_WIDTH = 0.012  # the minimum relative spread of durations
_WIDTH_FACTORS = (1.0, 0.5, 0.25, 0.12)  # candidates, relative to Silverman's rule
_PRIOR_RANGE = 450.0  # the prior covers one to this many units: 2 s to 15 min
_MAX_STEPS = 320  # the maximum number of grid points


class TaskDuration(NamedTuple):
    """How long a finished task took at the service.

    Attributes:
        duration_s: Seconds from its creation to its end.
        started_after_s: Seconds from its creation to the start of the work; None if unknown.
    """

    duration_s: float
    started_after_s: float | None = None


class DurationModel:
    """The distribution of a task's duration: a kernel density estimate with a prior.

    Durations are smoothed on a logarithmic scale with a logistic kernel. Its width is the one
    with which each duration is predicted best from the others (leave-one-out likelihood), so that
    a distribution with two peaks keeps both. Newer durations have more weight, and the prior
    leaves some probability for every duration.

    Attributes:
        unit: The minimum of seconds between two polls.
        count: The number of durations.
        horizon: Seconds after which no task is expected to be running.
        step: Seconds between two points of the grid.
        times: The points of the grid.
        ended_by_step: The probability that a task has ended, for each point of the grid.
    """

    def __init__(self, durations: Sequence[float], unit: float = 2.0) -> None:
        """Estimate the distribution.

        Args:
            durations: Seconds that similar tasks took, the newest first.
            unit: The minimum of seconds between two polls; it sets the resolution.
        """
        logs = [math.log(seconds) for seconds in durations if seconds > 0]
        self.unit = unit
        self.count: int = len(logs)
        weights = [math.pow(0.5, age / _HALF_LIFE) for age in range(len(logs))]
        total = sum(weights)
        self._prior_weight = _PRIOR_WEIGHT / (total + _PRIOR_WEIGHT)
        self._kernels = [(log, weight / total) for log, weight in zip(logs, weights, strict=True)]
        self._width = _choose_width(logs)
        self.horizon: float = min(
            math.exp(max(logs, default=0.0) + 3 * self._width), _PRIOR_RANGE * unit
        )
        self.step: float = _choose_step(self.horizon, unit)
        count = max(2, math.ceil(self.horizon / self.step) + 1)
        self.times: list[float] = [index * self.step for index in range(count)]
        self.ended_by_step: list[float] = [self._estimate(time) for time in self.times]

    def _estimate(self, time: float) -> float:
        if time <= 0:
            return 0.0
        log = math.log(time)
        kernels = sum(
            weight / (1.0 + math.exp(min(50.0, (centre - log) / self._width)))
            for centre, weight in self._kernels
        )
        return (1 - self._prior_weight) * kernels + self._prior_weight * self._prior(time)

    def _prior(self, time: float) -> float:
        """The prior: uniform on the logarithmic scale."""
        return min(1.0, max(0.0, math.log(time / self.unit) / math.log(_PRIOR_RANGE)))

    def probability_by(self, time: float) -> float:
        """Return the probability that a task has ended after some seconds."""
        if time <= 0:
            return 0.0
        if not self._kernels:
            return self._prior(time)
        index = bisect_right(self.times, time) - 1
        if index + 1 >= len(self.times):
            return 1 - self._prior_weight * (1 - self._prior(time))
        share = (time - self.times[index]) / self.step
        return self.ended_by_step[index] + share * (
            self.ended_by_step[index + 1] - self.ended_by_step[index]
        )

    def probability_between(self, since: float, now: float) -> float:
        """Compute the probability that a task has ended in an interval.

        Args:
            since: Seconds after which the task was still running.
            now: Seconds at the end of the interval.

        Returns:
            The conditional probability.
        """
        running = 1 - self.probability_by(since)
        return (
            min(1.0, max(0.0, self.probability_by(now) - self.probability_by(since)) / running)
            if running > 0
            else 1.0
        )


def _choose_width(logs: Sequence[float]) -> float:
    """Choose the kernel's width with the best leave-one-out likelihood."""
    if len(logs) < 2:
        return 0.1
    mean = sum(logs) / len(logs)
    deviation = math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1))
    max_width = max(_MIN_WIDTH, 1.06 * deviation * math.pow(len(logs), -0.2) / 1.81)
    scales = [scale for factor in _WIDTH_FACTORS if (scale := factor * max_width) > _MIN_WIDTH]
    return max(scales or [_MIN_WIDTH], key=lambda scale: _log_likelihood(logs, scale))


def _log_likelihood(logs: Sequence[float], scale: float) -> float:
    """Return how well each duration is predicted from all the others."""
    likelihood = 0.0
    for index, log in enumerate(logs):
        density = 0.0
        for other, centre in enumerate(logs):
            if other != index:
                tail = math.exp(-min(50.0, abs(log - centre) / scale))
                density += tail / (1 + tail) ** 2
        likelihood += math.log(density / scale + 1e-9)
    return likelihood


def _choose_step(horizon: float, unit: float) -> float:
    step = unit / 16
    while horizon / step > _MAX_STEPS:
        step *= 2
    return step
