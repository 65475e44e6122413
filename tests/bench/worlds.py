"""Durations of tasks, each with the durations of 50 earlier tasks. Seeds are fixed.

The seeds differ from those with which the constants of the poll schedule were chosen.
"""

import math
import random

from liangxin_nb.polling import TaskDuration

HISTORY = 50
_MEDIANS = (8, 15, 30, 60, 120, 200)
_SEED = 1000
_SPREAD = 0.25  # of a log-normal duration, as in the sandbox


def _sample(rng, median, spread=_SPREAD):
    return median * math.exp(rng.gauss(0, spread))


def _lognormal(rng, median, spread=_SPREAD):
    return TaskDuration(_sample(rng, median, spread))


def _queued(rng):
    """A queue of 5 to 90 s, then about 20 s of work that does not depend on it."""
    started_after_s = _sample(rng, 20, 0.7)
    return TaskDuration(started_after_s + _sample(rng, 20, 0.08), started_after_s)


def _bimodal(rng):
    fast = rng.random() < 0.6
    return _lognormal(rng, 12 if fast else 75, 0.15)


def _heavy(rng):
    return TaskDuration(min(800.0, 8 * rng.paretovariate(1.3)))


def _groups(kinds, count, seed):
    """Return (history, duration) of `count` tasks, in groups that share a history."""
    rng, cases = random.Random(_SEED + seed), []
    groups = max(12, len(kinds), count // 50)
    for number in range(groups):
        kind = kinds[number % len(kinds)]
        known = tuple(kind(rng) for _ in range(HISTORY))
        cases += [(known, kind(rng)) for _ in range(max(1, count // groups))]
    return cases


def forty(count):
    """40 models with durations from 3 to 300 s, each with a spread of 5 %."""
    kinds = [lambda c, n=n: _lognormal(c, 3 * 100 ** (n / 39), 0.05) for n in range(40)]
    return _groups(kinds, count, 1)


def lognormal(count):
    """Six models with medians from 8 to 200 s."""
    return _groups([lambda c, m=m: _lognormal(c, m) for m in _MEDIANS], count, 2)


def bimodal(count):
    """Six of ten tasks take about 12 s, the others about 75 s."""
    return _groups([_bimodal], count, 3)


def heavy(count):
    """A Pareto distribution with a minimum of 8 s and an index of 1.3."""
    return _groups([_heavy], count, 4)


def drifting(count):
    """A median that drifts from 20 to 80 s and back, ahead of the history."""
    rng, past, cases = random.Random(_SEED + 5), [], []
    while len(cases) < count:
        drift = math.sin(math.pi * len(past) / 400)
        past.append(_lognormal(rng, 20 * 4 ** abs(drift), 0.15))
        if len(past) > HISTORY + 20:
            # The latest ten are still running, and the history is read once for ten tasks.
            end = (len(past) - 10) // 10 * 10
            cases.append((tuple(reversed(past[end - HISTORY : end])), past[-1]))
    return cases


def queued(count):
    """A queue of random length, then work."""
    return _groups([_queued], count, 6)


def unread(count):
    """The same, with a service that does not report when the work has started."""
    return [
        (tuple(TaskDuration(past.duration_s) for past in history), TaskDuration(task.duration_s))
        for history, task in queued(count)
    ]


def unseen(count):
    """Models without a history."""
    return [((), task) for _, task in lognormal(count)]


def slower(count):
    """Tasks that take five times as long as in the history."""
    return _scale(lognormal(count), 5)


def faster(count):
    """Tasks that take a fifth of the time in the history."""
    return _scale(lognormal(count), 1 / 5)


def work_slower(count):
    """Work that takes five times as long as in the history, after the same queue."""
    return [(known, _scale_work(task, 5)) for known, task in queued(count)]


def work_faster(count):
    """Work that takes a fifth of the time in the history, after the same queue."""
    return [(known, _scale_work(task, 1 / 5)) for known, task in queued(count)]


def _scale_work(task, factor):
    return TaskDuration(
        task.started_after_s + factor * (task.duration_s - task.started_after_s),
        task.started_after_s,
    )


def _scale(cases, factor):
    return [(known, TaskDuration(factor * task.duration_s)) for known, task in cases]


WORLDS = {
    "40 durations, 3-300 s": forty,
    "log-normal": lognormal,
    "two humps": bimodal,
    "heavy tail": heavy,
    "drifting": drifting,
    "a queue, then work": queued,
    "the same, queue untold": unread,
    "never seen": unseen,
    "history wrong: x 5": slower,
    "history wrong: / 5": faster,
    "history wrong: work x 5": work_slower,
    "history wrong: work / 5": work_faster,
}
