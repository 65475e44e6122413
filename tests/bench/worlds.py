"""Lives of tasks, and what a ledger knows of the 50 before them. Seeds are fixed.

They are others than those with which the rule's constants were chosen, so that the figures tell of
durations it has never met.
"""

import math
import random

from liangxin_nb.polling import TaskDuration

HISTORY = 50
_MEDIANS = (8, 15, 30, 60, 120, 200)
_SEED = 1000
_SPREAD = 0.25  # of a log-normal duration, as the sandbox has it


def _about(chance, median, spread=_SPREAD):
    return median * math.exp(chance.gauss(0, spread))


def _lognormal(chance, median, spread=_SPREAD):
    return TaskDuration(_about(chance, median, spread))


def _queued(chance):
    """The queue says nothing of the work: 5 to 90 s of waiting, then about 20 s of work."""
    began = _about(chance, 20, 0.7)
    return TaskDuration(began + _about(chance, 20, 0.08), began)


def _two_humps(chance):
    fast = chance.random() < 0.6
    return _lognormal(chance, 12 if fast else 75, 0.15)


def _heavy(chance):
    return TaskDuration(min(800.0, 8 * chance.paretovariate(1.3)))


def _groups(kinds, count, seed):
    """(history, life) of `count` tasks, spread over kinds; some tasks share a history."""
    chance, cases = random.Random(_SEED + seed), []
    groups = max(12, len(kinds), count // 50)
    for number in range(groups):
        kind = kinds[number % len(kinds)]
        known = tuple(kind(chance) for _ in range(HISTORY))
        cases += [(known, kind(chance)) for _ in range(max(1, count // groups))]
    return cases


def forty(count):
    """40 durations from 3 to 300 s, each that of a model whose tasks differ by 5 %."""
    kinds = [lambda c, n=n: _lognormal(c, 3 * 100 ** (n / 39), 0.05) for n in range(40)]
    return _groups(kinds, count, 1)


def lognormal(count):
    """Six models with medians from 8 to 200 s."""
    return _groups([lambda c, m=m: _lognormal(c, m) for m in _MEDIANS], count, 2)


def bimodal(count):
    """Six of ten tasks take about 12 s, the others about 75 s."""
    return _groups([_two_humps], count, 3)


def heavy(count):
    """Pareto, from 8 s on, index 1.3."""
    return _groups([_heavy], count, 4)


def drifting(count):
    """A median that creeps from 20 to 80 s and back while the history runs after it."""
    chance, past, cases = random.Random(_SEED + 5), [], []
    while len(cases) < count:
        turn = math.sin(math.pi * len(past) / 400)
        past.append(_lognormal(chance, 20 * 4 ** abs(turn), 0.15))
        if len(past) > HISTORY + 20:
            # The latest ten still run, and what is known is looked up for ten tasks at a time.
            looked = (len(past) - 10) // 10 * 10
            cases.append((tuple(reversed(past[looked - HISTORY : looked])), past[-1]))
    return cases


def queued(count):
    """A queue as long as it likes, then work that takes its time."""
    return _groups([_queued], count, 6)


def unread(count):
    """The same, by a service that tells nothing of the queue."""
    return [
        (tuple(TaskDuration(one.duration_s) for one in known), TaskDuration(life.duration_s))
        for known, life in queued(count)
    ]


def unseen(count):
    """Models of which nothing is known."""
    return [((), life) for _, life in lognormal(count)]


def slower(count):
    """Five times as long as the history says."""
    return _otherwise(lognormal(count), 5)


def faster(count):
    """A fifth of what the history says."""
    return _otherwise(lognormal(count), 1 / 5)


def work_slower(count):
    """The queue is as ever, the work takes five times as long as the history says."""
    return [(known, _working(life, 5)) for known, life in queued(count)]


def work_faster(count):
    """The queue is as ever, the work takes a fifth of what the history says."""
    return [(known, _working(life, 1 / 5)) for known, life in queued(count)]


def _working(life, times):
    return TaskDuration(
        life.started_after_s + times * (life.duration_s - life.started_after_s),
        life.started_after_s,
    )


def _otherwise(cases, times):
    return [(known, TaskDuration(times * life.duration_s)) for known, life in cases]


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
