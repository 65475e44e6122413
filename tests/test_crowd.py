"""Four processes, one key, in real time against a sandbox that enforces the limits."""

import pytest

from .bench.crowd import crowd

pytestmark = pytest.mark.slow


def test_a_hundred_tasks_of_four_processes_stay_within_the_limits_of_their_key():
    seen = crowd(processes=4, each=25)
    print(seen)
    assert seen["failed"] == 0
    assert seen["refused"] == 0
    assert seen["most queries in 1 s"] <= 10
    # Quiet machines come within 1.15; this only says that nothing stands still.
    assert seen["ratio"] <= 1.6
    assert seen["growth"] <= 20
