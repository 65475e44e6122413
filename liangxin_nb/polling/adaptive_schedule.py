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

from .duration_model import FEWEST, Experience
from .schedule import Pace
from .task_duration import Lived

__all__ = ["Plan", "plan"]

_SHARE = 0.92  # of the documented questions, at most, in expectation: histories err
_CHEAPEST = 0.02  # floors of lateness that a question must save at least
_DEAREST = 2.0
_OVER, _MORE = 2.0, 4.0  # the bound on questions: so many times the documented ones, and so many
_SILENT, _SOON = 0.75, 4.0  # the bound on silence: this share of the time passed, so many floors
_EARLY = 0.1  # an end this probable before the first look is worth waiting for


class Plan:
    """When to ask about a task whose like took the seconds of `whole`, by the pace's bounds.

    `rest`: what is known of the time from the beginning of the work to the end, None for nothing
    of use; `after`: the seconds after which work usually begins.
    """

    def __init__(
        self, pace: Pace, whole: Experience, rest: Experience | None = None, after: float = 0.0
    ) -> None:
        self.pace = pace
        self.whole = whole
        self.rest = rest
        learned = whole.count >= FEWEST and pace.floor > 0
        self._jumps = _jumps(pace, whole) if learned else []
        self._rest_jumps = _jumps(pace, rest, after) if rest and pace.floor > 0 else []

    def wait(self, elapsed: float, asked: int, chance: float, began: float | None = None) -> float:
        """Seconds to the next question, `elapsed` seconds after the task was accepted.

        `asked`: questions so far; `chance`, from 0 to 1, spreads many tasks; `began`: the seconds
        after which its work began, infinite when it is said to queue yet, None when nobody knows.
        """
        documented = self.pace.wait(elapsed, chance)
        if not self._jumps or asked >= _OVER * self.pace.asked(elapsed) + _MORE:
            return documented
        pause = self._pause(elapsed, began, documented)
        if asked == 0 and self.whole.by(elapsed + _SOON * self.pace.floor) < _EARLY:
            return min(pause, documented)  # nothing ends so soon: a look to show the state
        return max(self.pace.floor, min(pause, _longest(self.pace, elapsed)))

    def chance(self, since: float, now: float, began: float | None = None) -> float:
        """The probability that a task, running at `since`, has ended by `now`."""
        if self.rest is None or began is None:
            return self.whole.chance(since, now)
        return self.rest.chance(max(0.0, since - began), now - min(began, since))

    def _pause(self, elapsed: float, began: float | None, documented: float) -> float:
        """Seconds to the next question by what is learned, or as documented beyond all that."""
        whole = _next(self.whole, self._jumps, elapsed, documented)
        if self.rest is None or began is None:
            return whole
        if began <= elapsed:
            return _next(self.rest, self._rest_jumps, elapsed - began, documented)
        return max(whole, _next(self.rest, self._rest_jumps, 0.0, documented))


@lru_cache(maxsize=128)
def plan(pace: Pace, lived: tuple[Lived, ...] = ()) -> Plan:
    """The plan for a task whose like lived so long, the newest first."""
    unit = pace.floor or 1.0
    whole = Experience([one.seconds for one in lived], unit)
    known = [(one.seconds, one.began) for one in lived if one.began and one.began < one.seconds]
    rests = [seconds - began for seconds, began in known]
    if len(rests) < FEWEST or _spread(rests) >= _spread([seconds for seconds, _ in known]):
        return Plan(pace, whole)
    after = statistics.median(began for _, began in known)
    return Plan(pace, whole, Experience(rests, unit), after)


def _spread(seconds: Sequence[float]) -> float:
    """How far they lie apart; a single one far off does not count."""
    middle = statistics.median(seconds)
    return statistics.median(abs(one - middle) for one in seconds)


def _next(known: Experience, jumps: Sequence[int], elapsed: float, beyond: float) -> float:
    """Seconds to the next question by a grid of jumps; `beyond` where the grid has ended."""
    place = int(elapsed / known.step)
    return (place + jumps[place]) * known.step - elapsed if place < len(jumps) else beyond


def _jumps(pace: Pace, known: Experience, after: float = 0.0) -> list[int]:
    """For each point of the grid, how many steps later to ask next.

    The grid begins `after` seconds after the task was accepted; the early look is then over.
    """
    allowed = _SHARE * _documented(pace, known, after)
    price = 0.1 * pace.floor
    for _ in range(5):
        jumps = _cheapest(pace, known, price, after)
        first = 0 if after else round(1.25 * pace.floor / known.step)
        ratio = _expected(jumps, known, first) / allowed
        if 0.97 < ratio <= 1.0 or (ratio <= 1.0 and price <= _CHEAPEST * pace.floor):
            break
        price *= min(8.0, max(0.1, (ratio * 1.02) ** 2))
        price = min(_DEAREST * pace.floor, max(_CHEAPEST * pace.floor, price))
    return jumps


def _cheapest(pace: Pace, known: Experience, price: float, after: float) -> list[int]:
    """The least cost from each point on, worked out from the last point backwards."""
    step, ended, count = known.step, known.ended, len(known.times)
    area = [0.0] * count
    for place in range(1, count):
        area[place] = area[place - 1] + step * (ended[place - 1] + ended[place]) / 2
    longest = [_longest(pace, after + time) for time in known.times]
    distances = _distances(pace.floor, max(longest), step)
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


def _longest(pace: Pace, elapsed: float) -> float:
    """The longest silence from a moment on."""
    silent = max(_SOON * pace.floor, _SILENT * elapsed)
    return min(silent, max(most for _, _, most in pace.steps))


def _distances(least: float, most: float, step: float) -> Sequence[int]:
    """Distances to choose from, in steps: close together where they are short."""
    found, distance = [], max(1, round(least / step))
    while distance * step <= most:
        found.append(distance)
        distance = max(distance + 1, round(distance * 1.12))
    return found or [max(1, round(least / step))]


def _expected(jumps: Sequence[int], known: Experience, place: int) -> float:
    """The questions expected within the experience, from the one at a point of the grid on."""
    count = 1.0
    while place < len(jumps):
        count += 1 - known.ended[place]
        place += jumps[place]
    return count


def _documented(pace: Pace, known: Experience, after: float) -> float:
    """The questions that the documented schedule is expected to ask within the experience."""
    time, count = pace.wait(after, 0.5), 1.0
    while time < known.times[-1]:
        count += 1 - known.by(time)
        time += pace.wait(after + time, 0.5)
    return count
