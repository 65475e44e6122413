"""Four notebooks with one key, against a service that enforces its rate limits."""

import asyncio
import os

import pytest

from liangxin_nb.polling import PollSchedule
from liangxin_nb.ratelimit import SharedRateLimiter
from liangxin_nb.sandbox.rate_limits import RateLimits

from .. import virtual_time
from ..bench.crowd import crowd

#: Tasks of each of the four processes; with 25 or more, the figures are checked as well.
TASKS = int(os.environ.get("LIANGXIN_CROWD", "6"))


def test_a_hundred_tasks_of_four_notebooks_stay_within_the_limits(tmp_path):
    """In virtual time; each task is created, and polled three times."""
    limits = RateLimits(lambda: asyncio.get_running_loop().time())

    async def count_call(call):
        limits.count_call(call, "key")
        assert not limits.is_exceeded(call, "key")

    async def run_task(limiter):
        slot_id = await limiter.acquire_create()
        await count_call("createTask")
        await limiter.confirm_create(slot_id)
        for _ in range(3):
            await asyncio.sleep(2.0)
            await limiter.acquire_poll()
            await count_call("recordInfo")

    async def run_all():
        clock = asyncio.get_running_loop().time
        limiters = [SharedRateLimiter(PollSchedule(), str(tmp_path), clock=clock) for _ in range(4)]
        for limiter in limiters:
            limiter.bind("https://service.example", "sk-same-key")
        await asyncio.gather(*(run_task(limiter) for limiter in limiters for _ in range(25)))
        return clock()

    seconds = virtual_time.run(run_all())
    counts = limits.statistics()
    assert counts["createTask"] == {"rejected": 0, "max_per_second": 20}
    assert counts["recordInfo"] == {"rejected": 0, "max_per_second": 8}
    assert 4 * 10.5 + 6 <= seconds < 4 * 10.5 + 10, "the rates are almost fully used"


@pytest.mark.slow
def test_four_processes_finish_their_tasks_within_the_limits():
    figures = crowd(processes=4, each=TASKS)
    print(figures)
    assert figures["failed"] == 0
    assert figures["makespan"] >= (4 * TASKS - 1) // 20 * 10
    if TASKS >= 25:
        assert figures["refused"] == 0
        assert figures["most queries in 1 s"] <= 10
        # An idle machine stays below 1.15; this only checks that nothing is blocked.
        assert figures["ratio"] <= 1.6
        assert figures["growth"] <= 20
