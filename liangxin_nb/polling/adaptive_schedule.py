"""An adaptive poll schedule, learned from the durations of similar tasks.

This is an optimal inspection problem: each poll has a cost, and so has each second for which an
end is not noticed. Barlow, Hunter and Proschan ("Optimum checking procedures", 1963) solved it
for a known distribution; Keller (1974) gave the approximation sqrt(2 cost / hazard) for the
interval. Here the minimal cost is computed by dynamic programming over a grid of times, which is
also exact for distributions with several peaks, and respects the minimum interval:

    cost(t) = min over s of  poll cost + delay of an end in (t, s] + P(running at s) cost(s)

The states of a task are used too. Tasks often differ mainly in how long they queue, so the time
from the start of the work to the end is learned as well. Once an answer says that the work has
started, that distribution is used; a task that is queued cannot end before its work has started
and taken its time. (States are ignored if this time varies more than the whole duration.)

The cost of a poll is the lowest at which slightly fewer polls are expected than in the documented
schedule. The following limits hold whether the history is representative or not:

* at least the documented minimum (2 s) between two polls of one task;
* at most three quarters of the elapsed time without a poll (8 s if that is more), and at most the
  documented maximum, 30 s: this limits how late an end is noticed;
* at most twice as many polls as documented, plus four. After that, and for a task that takes
  longer than all earlier ones, the documented schedule is used. It is also used until five
  similar tasks have finished.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import lru_cache

from .duration_model import MIN_SAMPLES, DurationModel, TaskDuration
from .schedule import PollSchedule

__all__ = ["AdaptiveSchedule", "build_schedule"]

_MAX_POLL_RATIO = 0.92  # expected polls, relative to the documented schedule
_MIN_COST, _MAX_COST = 0.02, 2.0  # bounds of a poll's cost, in minimum intervals
_MAX_POLLS_FACTOR, _EXTRA_POLLS = 2.0, 4.0  # the maximum number of polls
_MAX_PAUSE_RATIO, _MIN_PAUSES = 0.75, 4.0  # the maximum pause: of the elapsed time, in intervals
_EARLY = 0.1  # without such a probability of an early end, the first poll shows the state


class AdaptiveSchedule:
    """A poll schedule for a task, from the durations of similar tasks.

    Attributes:
        documented: The documented schedule.
        durations: The distribution of the duration.
        work_durations: The distribution of the time from the start of the work; None if unknown.
    """

    def __init__(
        self,
        documented: PollSchedule,
        durations: DurationModel,
        work_durations: DurationModel | None = None,
        usual_start_s: float = 0.0,
    ) -> None:
        """Compute the schedule.

        Args:
            documented: The documented schedule.
            durations: The distribution of the duration.
            work_durations: The distribution of the time from the start of the work, if useful.
            usual_start_s: The usual number of seconds until the work starts.
        """
        self.documented = documented
        self.durations = durations
        self.work_durations = work_durations
        learned = durations.count >= MIN_SAMPLES and documented.min_interval_s > 0
        self._jumps = _compute_jumps(documented, durations) if learned else []
        self._work_jumps = (
            _compute_jumps(documented, work_durations, usual_start_s)
            if work_durations and documented.min_interval_s > 0
            else []
        )

    def wait(
        self, elapsed: float, polls: int, jitter: float, started_after_s: float | None = None
    ) -> float:
        """Compute the seconds to the next poll.

        Args:
            elapsed: Seconds since the task was submitted.
            polls: The number of polls so far.
            jitter: From 0 to 1; distributes many tasks over the allowed range.
            started_after_s: Seconds after which the work started; infinite while the task is
                queued; None if unknown.

        Returns:
            Seconds.
        """
        documented = self.documented.wait(elapsed, jitter)
        if (
            not self._jumps
            or polls >= _MAX_POLLS_FACTOR * self.documented.expected_polls(elapsed) + _EXTRA_POLLS
        ):
            return documented
        pause = self._pause(elapsed, started_after_s, documented)
        if (
            polls == 0
            and self.durations.probability_by(
                elapsed + _MIN_PAUSES * self.documented.min_interval_s
            )
            < _EARLY
        ):
            return min(pause, documented)  # an early end is improbable: poll to show the state
        return max(self.documented.min_interval_s, min(pause, _max_pause(self.documented, elapsed)))

    def probability(self, since: float, now: float, started_after_s: float | None = None) -> float:
        """Compute the probability that a task has ended in an interval.

        Args:
            since: Seconds after which the task was still running.
            now: Seconds at the end of the interval.
            started_after_s: As in `wait`.

        Returns:
            The conditional probability.
        """
        if self.work_durations is None or started_after_s is None:
            return self.durations.probability_between(since, now)
        return self.work_durations.probability_between(
            max(0.0, since - started_after_s), now - min(started_after_s, since)
        )

    def _pause(self, elapsed: float, started_after_s: float | None, documented: float) -> float:
        """Return the learned seconds to the next poll, or the documented ones after the grid."""
        pause = _next_pause(self.durations, self._jumps, elapsed, documented)
        if self.work_durations is None or started_after_s is None:
            return pause
        work_time = max(0.0, elapsed - started_after_s)
        work_pause = _next_pause(self.work_durations, self._work_jumps, work_time, documented)
        return work_pause if started_after_s <= elapsed else max(pause, work_pause)


@lru_cache(maxsize=128)
def build_schedule(
    documented: PollSchedule, history: tuple[TaskDuration, ...] = ()
) -> AdaptiveSchedule:
    """Build the schedule for a task.

    Args:
        documented: The documented schedule.
        history: The durations of similar tasks, the newest first.

    Returns:
        The schedule.
    """
    unit = documented.min_interval_s or 1.0
    durations = DurationModel([task.duration_s for task in history], unit)
    starts = [
        (task.duration_s, task.started_after_s)
        for task in history
        if task.started_after_s and task.started_after_s < task.duration_s
    ]
    work_times = [duration - start for duration, start in starts]
    if len(work_times) < MIN_SAMPLES or _spread(work_times) >= _spread([d for d, _ in starts]):
        return AdaptiveSchedule(documented, durations)
    usual_start_s = statistics.median(start for _, start in starts)
    return AdaptiveSchedule(documented, durations, DurationModel(work_times, unit), usual_start_s)


def _spread(values: Sequence[float]) -> float:
    """Return the median absolute deviation."""
    median = statistics.median(values)
    return statistics.median(abs(value - median) for value in values)


def _next_pause(
    model: DurationModel, jumps: Sequence[int], elapsed: float, documented: float
) -> float:
    """Return the seconds to the next poll on the grid, or the documented ones after its end."""
    index = int(elapsed / model.step)
    return (index + jumps[index]) * model.step - elapsed if index < len(jumps) else documented


def _compute_jumps(schedule: PollSchedule, model: DurationModel, start: float = 0.0) -> list[int]:
    """Compute for each point of the grid after how many steps to poll next.

    The grid begins `start` seconds after the task was submitted; the first poll is then over.
    """
    unit = schedule.min_interval_s
    max_polls = _MAX_POLL_RATIO * _count_documented(schedule, model, start)
    cost = 0.1 * unit
    for _ in range(5):
        jumps = _minimize_cost(schedule, model, cost, start)
        first = 0 if start else round(1.25 * unit / model.step)
        ratio = _count_expected(jumps, model, first) / max_polls
        if 0.97 < ratio <= 1.0 or (ratio <= 1.0 and cost <= _MIN_COST * unit):
            break
        cost *= min(8.0, max(0.1, (ratio * 1.02) ** 2))
        cost = min(_MAX_COST * unit, max(_MIN_COST * unit, cost))
    return jumps


def _minimize_cost(
    schedule: PollSchedule, model: DurationModel, poll_cost: float, start: float
) -> list[int]:
    """Minimize the cost from each point on, from the last point backwards."""
    step, ended, count = model.step, model.ended_by_step, len(model.times)
    area = [0.0] * count  # the integral of `ended`
    for index in range(1, count):
        area[index] = area[index - 1] + step * (ended[index - 1] + ended[index]) / 2
    max_pauses = [_max_pause(schedule, start + time) for time in model.times]
    distances = _list_distances(schedule.min_interval_s, max(max_pauses), step)
    cost, jumps = [0.0] * count, [0] * count
    for index in range(count - 1, -1, -1):
        minimum = float("inf")
        for distance in distances:
            if distance * step > max_pauses[index] and minimum < float("inf"):
                break
            target = index + distance
            delay = area[min(target, count - 1)] - area[index] - distance * step * ended[index]
            if target < count:
                delay += cost[target]
            else:  # after the grid: count the rest as ended
                delay += (target - count + 1) * step * ended[-1]
            if delay < minimum:
                minimum, jumps[index] = delay, distance
        cost[index] = minimum + poll_cost * (1 - ended[index])
    return jumps


def _max_pause(schedule: PollSchedule, elapsed: float) -> float:
    """Return the maximum seconds without a poll."""
    pause = max(_MIN_PAUSES * schedule.min_interval_s, _MAX_PAUSE_RATIO * elapsed)
    return min(pause, max(high for _, _, high in schedule.steps))


def _list_distances(minimum: float, maximum: float, step: float) -> Sequence[int]:
    """List the intervals to choose from, in steps; denser where they are short."""
    distances, distance = [], max(1, round(minimum / step))
    while distance * step <= maximum:
        distances.append(distance)
        distance = max(distance + 1, round(distance * 1.12))
    return distances or [max(1, round(minimum / step))]


def _count_expected(jumps: Sequence[int], model: DurationModel, index: int) -> float:
    """Return the expected number of polls on the grid, starting at a point."""
    count = 1.0
    while index < len(jumps):
        count += 1 - model.ended_by_step[index]
        index += jumps[index]
    return count


def _count_documented(schedule: PollSchedule, model: DurationModel, start: float) -> float:
    """Return the expected number of polls of the documented schedule on the same grid."""
    time, count = schedule.wait(start, 0.5), 1.0
    while time < model.times[-1]:
        count += 1 - model.probability_by(time)
        time += schedule.wait(start + time, 0.5)
    return count
