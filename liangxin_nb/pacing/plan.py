"""The rule that learns: when to ask about a task, given how long its like have taken.

The problem is old: something ends unseen, each look has a price, each second unseen another. Which
looks cost least? Barlow, Hunter and Proschan ("Optimum checking procedures", 1963) gave the answer
for a known distribution; Keller (1974) its short form, a distance of sqrt(2 price / hazard). Here
the least cost is worked out backwards over a grid of times, so that two humps, a gap between them
and the least distance between two questions are minded exactly:

    cost(t) = min over s of  price + lateness of an end in (t, s] + P(still running at s) cost(s)

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

from collections.abc import Sequence
from functools import lru_cache

from ._base import Pace
from .experience import FEWEST, Experience

__all__ = ["Plan", "plan"]

_SHARE = 0.92  # of the documented questions, at most, in expectation: histories err
_CHEAPEST = 0.02  # floors of lateness that a question must save at least
_DEAREST = 2.0
_OVER, _MORE = 2.0, 4.0  # the bound on questions: so many times the documented ones, and so many
_SILENT, _SOON = 0.75, 4.0  # the bound on silence: this share of the time passed, so many floors
_EARLY = 0.1  # an end this probable before the first look is worth waiting for


class Plan:
    """When to ask about a task like those of an experience; `step[i]` grid steps after time i."""

    def __init__(self, pace: Pace, experience: Experience) -> None:
        self.pace = pace
        self.experience = experience
        learned = experience.count >= FEWEST and pace.floor > 0
        self._jumps = _jumps(pace, experience) if learned else []

    def wait(self, elapsed: float, asked: int, chance: float) -> float:
        """Seconds to the next question, `elapsed` seconds after the task was accepted.

        `asked`: questions so far; `chance`, from 0 to 1, spreads many tasks.
        """
        documented = self.pace.wait(elapsed, chance)
        place = int(elapsed / self.experience.step)
        if place >= len(self._jumps) or asked >= _OVER * self.pace.asked(elapsed) + _MORE:
            return documented
        pause = (place + self._jumps[place]) * self.experience.step - elapsed
        if asked == 0 and self.experience.by(elapsed + _SOON * self.pace.floor) < _EARLY:
            return min(pause, documented)  # nothing ends so soon: a look to show the state
        return max(self.pace.floor, pause)

    def chance(self, since: float, now: float) -> float:
        """The probability that a task, running at `since`, has ended by `now`."""
        return self.experience.chance(since, now)


@lru_cache(maxsize=128)
def plan(pace: Pace, durations: tuple[float, ...] = ()) -> Plan:
    """The plan for a task whose like took these seconds, the newest first."""
    return Plan(pace, Experience(durations, pace.floor or 1.0))


def _jumps(pace: Pace, known: Experience) -> list[int]:
    """For each point of the grid, how many steps later to ask next."""
    allowed = _SHARE * _documented(pace, known)
    price = 0.1 * pace.floor
    for _ in range(5):
        jumps = _cheapest(pace, known, price)
        ratio = _expected(jumps, known, pace) / allowed
        if 0.97 < ratio <= 1.0 or (ratio <= 1.0 and price <= _CHEAPEST * pace.floor):
            break
        price *= min(8.0, max(0.1, (ratio * 1.02) ** 2))
        price = min(_DEAREST * pace.floor, max(_CHEAPEST * pace.floor, price))
    return jumps


def _cheapest(pace: Pace, known: Experience, price: float) -> list[int]:
    """The least cost from each point on, worked out from the last point backwards."""
    step, ended, count = known.step, known.ended, len(known.times)
    area = [0.0] * count
    for place in range(1, count):
        area[place] = area[place - 1] + step * (ended[place - 1] + ended[place]) / 2
    longest = [_longest(pace, time) for time in known.times]
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


def _expected(jumps: Sequence[int], known: Experience, pace: Pace) -> float:
    """The questions expected within the experience, the early one included."""
    place, count = round(1.25 * pace.floor / known.step), 1.0
    while place < len(jumps):
        count += 1 - known.ended[place]
        place += jumps[place]
    return count


def _documented(pace: Pace, known: Experience) -> float:
    """The questions that the documented schedule is expected to ask within the experience."""
    time, count = pace.wait(0.0, 0.5), 1.0
    while time < known.times[-1]:
        count += 1 - known.by(time)
        time += pace.wait(time, 0.5)
    return count
