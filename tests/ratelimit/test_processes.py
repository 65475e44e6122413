"""Four notebooks with one key, against a service that enforces its rate limits."""

import asyncio
import os

import pytest

from liangxin_nb.polling import PollSchedule
from liangxin_nb.ratelimit import SharedRateLimiter
from liangxin_nb.sandbox.rate_limits import RateLimits

from .. import virtual_time
from ..bench.crowd import crowd

#: Tasks of each of the four processes; 25 is the long form, where the figures are bounded as well.
EACH = int(os.environ.get("LIANGXIN_CROWD", "6"))


def test_a_hundred_tasks_of_four_notebooks_stay_within_the_limits_of_their_key(tmp_path):
    """In virtual time: each task is created and asked about three times."""
    limits = RateLimits(lambda: asyncio.get_running_loop().time())

    async def called(call):
        limits.count_call(call, "key")
        assert not limits.is_exceeded(call, "key")

    async def task(budget):
        turn = await budget.acquire_create()
        await called("createTask")
        await budget.confirm_create(turn)
        for _ in range(3):
            await asyncio.sleep(2.0)
            await budget.acquire_poll()
            await called("recordInfo")

    async def all_of_them():
        clock = asyncio.get_running_loop().time
        budgets = [SharedRateLimiter(PollSchedule(), str(tmp_path), clock=clock) for _ in range(4)]
        for limiter in budgets:
            limiter.bind("https://service.example", "sk-same-key")
        await asyncio.gather(*(task(limiter) for limiter in budgets for _ in range(25)))
        return clock()

    took = virtual_time.run(all_of_them())
    told = limits.statistics()
    assert told["createTask"] == {"refused": 0, "most": 20}
    assert told["recordInfo"] == {"refused": 0, "most": 8}
    assert 4 * 10.5 + 6 <= took < 4 * 10.5 + 10, "the rates are used nearly to the full"


@pytest.mark.slow
def test_four_processes_of_one_key_finish_all_their_tasks_and_no_faster_than_allowed():
    seen = crowd(processes=4, each=EACH)
    print(seen)
    assert seen["failed"] == 0
    assert seen["makespan"] >= (4 * EACH - 1) // 20 * 10
    if EACH >= 25:
        assert seen["refused"] == 0
        assert seen["most queries in 1 s"] <= 10
        # Quiet machines come within 1.15; this only says that nothing stands still.
        assert seen["ratio"] <= 1.6
        assert seen["growth"] <= 20
