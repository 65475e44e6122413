"""The rule that learns: when to ask about a task, given how long its like have taken.

The problem is old: something ends unseen, each look has a price, each second unseen another. Which
looks cost least? Barlow, Hunter and Proschan ("Optimum checking procedures", 1963) gave the answer
for a known distribution; Keller (1974) its short form, a distance of sqrt(2 price / hazard). Here
the least cost is worked out backwards over a grid of times, so that two humps, a gap between them
and the least distance between two questions are minded exactly:

    cost(t) = min over s of  price + lateness of an end in (t, s] + P(still running at s) cost(s)

States shift it. Most of what makes two tasks of a kind differ is often how long they queue. So the
time from the beginning of the work to the end is learned as well; once the answer says that the
work has begun, and when, that decides, and while a task is said to queue it cannot end before its
work has begun and had its time. (Where the rest varies more than the whole, states say nothing.)

The price of a question is not chosen by taste: it is the lowest at which the questions expected
are a little fewer than the documented schedule would ask. Bounds that hold whatever the
history says, right or wrong:

* never less than the pace's floor (2 s) between two questions about one task;
* never silent for longer than three quarters of the time that has passed (or four floors, 8 s,
  where that is more), nor than the documents' longest pause, 30 s: so late an end is seen at most;
* never more than twice as many questions as the documents ask, and four: then, as when a task
  outlives all experience, the documented schedule takes over. Before the fifth finished task
  nothing is learned and the schedule is the documents' alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import lru_cache

from .duration_model import MIN_SAMPLES, DurationModel
from .schedule import PollSchedule
from .task_duration import TaskDuration

__all__ = ["AdaptiveSchedule", "build_schedule"]

_SHARE = 0.92  # of the documented questions, at most, in expectation: histories err
_CHEAPEST = 0.02  # floors of lateness that a question must save at least
_DEAREST = 2.0
_OVER, _MORE = 2.0, 4.0  # the bound on questions: so many times the documented ones, and so many
_SILENT, _SOON = 0.75, 4.0  # the bound on silence: this share of the time passed, so many floors
_EARLY = 0.1  # an end this probable before the first look is worth waiting for


class AdaptiveSchedule:
    """When to ask about a task whose like took the seconds of `durations`, by the pace's bounds.

    `work_durations`: what is known of the time from the beginning of the work to the end, None for
    nothing of use; `usual_start_s`: the seconds after which work usually begins.
    """

    def __init__(
        self,
        documented: PollSchedule,
        durations: DurationModel,
        work_durations: DurationModel | None = None,
        usual_start_s: float = 0.0,
    ) -> None:
        self.documented = documented
        self.durations = durations
        self.work_durations = work_durations
        learned = durations.count >= MIN_SAMPLES and documented.min_interval_s > 0
        self._jumps = _jumps(documented, durations) if learned else []
        self._rest_jumps = (
            _jumps(documented, work_durations, usual_start_s)
            if work_durations and documented.min_interval_s > 0
            else []
        )

    def wait(
        self, elapsed: float, polls: int, jitter: float, started_after_s: float | None = None
    ) -> float:
        """Seconds to the next question, `elapsed` seconds after the task was accepted.

        `polls`: questions so far; `jitter`, from 0 to 1, spreads many tasks; `started_after_s`: the
        seconds after which its work began, infinite when it is said to queue yet, None when no one
        knows.
        """
        documented = self.documented.wait(elapsed, jitter)
        if not self._jumps or polls >= _OVER * self.documented.expected_polls(elapsed) + _MORE:
            return documented
        pause = self._pause(elapsed, started_after_s, documented)
        if (
            polls == 0
            and self.durations.probability_by(elapsed + _SOON * self.documented.min_interval_s)
            < _EARLY
        ):
            return min(pause, documented)  # nothing ends so soon: a look to show the state
        return max(self.documented.min_interval_s, min(pause, _longest(self.documented, elapsed)))

    def probability(self, since: float, now: float, started_after_s: float | None = None) -> float:
        """The probability that a task, running at `since`, has ended by `now`."""
        if self.work_durations is None or started_after_s is None:
            return self.durations.probability_between(since, now)
        return self.work_durations.probability_between(
            max(0.0, since - started_after_s), now - min(started_after_s, since)
        )

    def _pause(self, elapsed: float, began: float | None, documented: float) -> float:
        """Seconds to the next question by what is learned, or as documented beyond all that."""
        whole = _next(self.durations, self._jumps, elapsed, documented)
        if self.work_durations is None or began is None:
            return whole
        if began <= elapsed:
            return _next(self.work_durations, self._rest_jumps, elapsed - began, documented)
        return max(whole, _next(self.work_durations, self._rest_jumps, 0.0, documented))


@lru_cache(maxsize=128)
def build_schedule(
    documented: PollSchedule, history: tuple[TaskDuration, ...] = ()
) -> AdaptiveSchedule:
    """The plan for a task whose like lived so long, the newest first."""
    unit = documented.min_interval_s or 1.0
    whole = DurationModel([one.duration_s for one in history], unit)
    known = [
        (one.duration_s, one.started_after_s)
        for one in history
        if one.started_after_s and one.started_after_s < one.duration_s
    ]
    rests = [seconds - began for seconds, began in known]
    if len(rests) < MIN_SAMPLES or _spread(rests) >= _spread([seconds for seconds, _ in known]):
        return AdaptiveSchedule(documented, whole)
    after = statistics.median(began for _, began in known)
    return AdaptiveSchedule(documented, whole, DurationModel(rests, unit), after)


def _spread(seconds: Sequence[float]) -> float:
    """How far they lie apart; a single one far off does not count."""
    middle = statistics.median(seconds)
    return statistics.median(abs(one - middle) for one in seconds)


def _next(known: DurationModel, jumps: Sequence[int], elapsed: float, beyond: float) -> float:
    """Seconds to the next question by a grid of jumps; `beyond` where the grid has ended."""
    place = int(elapsed / known.step)
    return (place + jumps[place]) * known.step - elapsed if place < len(jumps) else beyond


def _jumps(schedule: PollSchedule, known: DurationModel, after: float = 0.0) -> list[int]:
    """For each point of the grid, how many steps later to ask next.

    The grid begins `after` seconds after the task was accepted; the early look is then over.
    """
    allowed = _SHARE * _documented(schedule, known, after)
    price = 0.1 * schedule.min_interval_s
    for _ in range(5):
        jumps = _cheapest(schedule, known, price, after)
        first = 0 if after else round(1.25 * schedule.min_interval_s / known.step)
        ratio = _expected(jumps, known, first) / allowed
        if 0.97 < ratio <= 1.0 or (ratio <= 1.0 and price <= _CHEAPEST * schedule.min_interval_s):
            break
        price *= min(8.0, max(0.1, (ratio * 1.02) ** 2))
        price = min(
            _DEAREST * schedule.min_interval_s, max(_CHEAPEST * schedule.min_interval_s, price)
        )
    return jumps


def _cheapest(
    schedule: PollSchedule, known: DurationModel, price: float, after: float
) -> list[int]:
    """The least cost from each point on, worked out from the last point backwards."""
    step, ended, count = known.step, known._ended_by_step, len(known.times)
    area = [0.0] * count
    for place in range(1, count):
        area[place] = area[place - 1] + step * (ended[place - 1] + ended[place]) / 2
    longest = [_longest(schedule, after + time) for time in known.times]
    distances = _distances(schedule.min_interval_s, max(longest), step)
    cost, jumps = [0.0] * count, [0] * count
    for place in range(count - 1, -1, -1):
        best, before = float("inf"), ended[place]
        for distance in distances:
            if distance * step > longest[place] and best < float("inf"):
                break
            to = place + distance
            if to < count:
                late = area[to] - area[place] - distance * step * before + cost[to]
            else:  # beyond all experience: what is left is late by the whole rest
                rest = (to - count + 1) * step
                late = area[-1] - area[place] - distance * step * before + rest * ended[-1]
            if late < best:
                best, jumps[place] = late, distance
        cost[place] = best + price * (1 - before)
    return jumps


def _longest(schedule: PollSchedule, elapsed: float) -> float:
    """The longest silence from a moment on."""
    silent = max(_SOON * schedule.min_interval_s, _SILENT * elapsed)
    return min(silent, max(most for _, _, most in schedule.steps))


def _distances(least: float, most: float, step: float) -> Sequence[int]:
    """Distances to choose from, in steps: close together where they are short."""
    found, distance = [], max(1, round(least / step))
    while distance * step <= most:
        found.append(distance)
        distance = max(distance + 1, round(distance * 1.12))
    return found or [max(1, round(least / step))]


def _expected(jumps: Sequence[int], known: DurationModel, place: int) -> float:
    """The questions expected within the experience, from the one at a point of the grid on."""
    count = 1.0
    while place < len(jumps):
        count += 1 - known._ended_by_step[place]
        place += jumps[place]
    return count


def _documented(schedule: PollSchedule, known: DurationModel, after: float) -> float:
    """The questions that the documented schedule is expected to ask within the experience."""
    time, count = schedule.wait(after, 0.5), 1.0
    while time < known.times[-1]:
        count += 1 - known.probability_by(time)
        time += schedule.wait(after + time, 0.5)
    return count
