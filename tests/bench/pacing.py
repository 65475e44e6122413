"""Delay and number of polls: the adaptive schedule compared with fixed intervals.

The real poller and schedule run in virtual time; a fixed-interval poller polls each task
separately. The rate limit is not shared, so that only the schedules are compared.
"""

import asyncio
import math
import random
from dataclasses import dataclass

from liangxin_nb.core.task import TaskRecord, TaskState
from liangxin_nb.polling import Poller, PollSchedule, build_schedule

from . import virtual
from .worlds import WORLDS

PACE = PollSchedule()
_FIXED = (3.0, 5.0, 10.0)


@dataclass(frozen=True)
class Seen:
    """Figures of some tasks: mean and 95th percentile of the delay in seconds, and polls."""

    late: float
    p95: float
    asked: float

    @classmethod
    def of(cls, pairs):
        late = sorted(seconds for seconds, _ in pairs)
        asked = sum(count for _, count in pairs) / len(pairs)
        return cls(sum(late) / len(late), late[int(0.95 * len(late))], asked)


class _UnlimitedLimiter:
    async def acquire_poll(self):
        pass

    async def back_off(self, call, seconds):
        pass


async def _followed(poller, name, known, life, start):
    await asyncio.sleep(start)
    clock, asked = asyncio.get_running_loop().time, 0
    created, end = clock(), clock() + life.duration_s
    begin = created + (life.started_after_s or 0.0)

    async def ask(task_id):
        nonlocal asked
        asked += 1
        state, since = "generating", begin if life.started_after_s else clock()
        if clock() < begin:
            state, since = "queuing", created
        if clock() >= end:
            state, since = "success", end
        stamps = {"created_ms": 1 + int(1000 * created), "updated_ms": 1 + int(1000 * since)}
        return TaskRecord(task_id, TaskState(state), **stamps)

    learned = build_schedule(PACE, known)
    await poller.follow(name, ask, lambda _: None, 1e6, schedule=learned)
    return clock() - end, asked


def ours(cases, seed=0):
    """What the scheduler sees of (history, life) cases."""
    random.seed(seed)  # the scheduler's jitter

    async def work():
        clock = asyncio.get_running_loop().time
        poller = Poller(PACE, _UnlimitedLimiter(), clock=clock)
        return await asyncio.gather(
            *(_followed(poller, f"task_{n}", *case, n * 0.7) for n, case in enumerate(cases))
        )

    return Seen.of(virtual.run(work()))


def poller(cases, pause, seed=0):
    """What an independent poller sees; `pause`: from seconds passed, questions, chance."""
    chance, pairs = random.Random(seed), []
    for _, life in cases:
        now, asked = 0.0, 0
        while now < life.duration_s or not asked:
            now += pause(now, asked, chance.random())
            asked += 1
        pairs.append((now - life.duration_s, asked))
    return Seen.of(pairs)


PLAIN = {
    "documented": lambda now, asked, chance: PACE.wait(now, chance),
    **{f"{s:.0f} s": (lambda now, asked, chance, s=s: s) for s in _FIXED},
    "2 s x 1.5": lambda now, asked, chance: min(15.0, 2.0 * 1.5 ** min(asked, 9)),
}


def as_many(cases, seen):
    """The fixed poller that asks as many questions: it is as late as half of its interval."""
    low, high = 0.1, 900.0
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        asked = sum(math.ceil(life.duration_s / middle) for _, life in cases) / len(cases)
        low, high = (middle, high) if asked > seen.asked else (low, middle)
    return low, poller(cases, lambda now, asked, chance: low)


def measured(count):
    """Of each world: what is seen by each way of asking, and by the fixed one that asks as much."""
    for name, world in WORLDS.items():
        cases = world(count)
        seen = {"learned": ours(cases)}
        seen |= {way: poller(cases, pause) for way, pause in PLAIN.items()}
        yield name, seen, as_many(cases, seen["learned"])
