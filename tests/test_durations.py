"""What the ledger tells of how long tasks took."""

import pytest

from liangxin_nb.ledger import Ledger, durations
from liangxin_nb.pacing import Lived
from liangxin_nb.request import Request
from liangxin_nb.session import Session

from .conftest import FAST_PACE


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


def finished(ledger, seconds, options=None, *, model="z-image", service="https://a.example"):
    """A ticket that succeeded after so many seconds, or one that runs for None."""
    ticket = ledger.intend(Request(model, "a lake", options or {}), "kie", service)
    if seconds is None:
        return ticket
    return ledger.change(ticket, "success", fate="succeeded", seconds=seconds)


def test_tasks_of_the_same_model_service_and_size_count_the_newest_first(ledger):
    small = {"image_size": "square", "seed": 1}
    for seconds in range(1, 11):
        finished(ledger, seconds, {**small, "seed": seconds})
        finished(ledger, 100 + seconds, {"image_size": "square_hd"})
        finished(ledger, 500, model="flux-1")
        finished(ledger, 600, service="https://b.example")
    finished(ledger, None, small)
    running = finished(ledger, None, {"image_size": "square", "seed": 99})
    assert durations(ledger, running) == tuple(Lived(seconds) for seconds in range(10, 0, -1))
    assert durations(ledger, running, last=3) == (Lived(10), Lived(9), Lived(8))


def test_too_few_of_the_same_options_are_joined_by_all_of_the_model(ledger):
    for seconds in (10, 11, 12):
        finished(ledger, seconds, {"image_size": "square"})
        finished(ledger, seconds + 50, {"image_size": "square_hd"})
    running = finished(ledger, None, {"image_size": "square"})
    assert sorted(one.seconds for one in durations(ledger, running)) == [10, 11, 12, 60, 61, 62]
    assert durations(ledger, finished(ledger, None, model="new-model")) == ()


def test_a_session_learns_from_its_own_finished_tasks(sandbox, tmp_path):
    """After the fifth picture the next is asked about by what the five took."""
    made = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", pace=FAST_PACE)
    try:
        jobs = [made.generate("a lake", size="square", seed=7) for _ in range(5)]
        for job in jobs:
            job.wait(60)
        known = durations(made.ledger, jobs[0].ticket)
        assert len(known) == 5
        assert all(0.05 < one.seconds < 5 for one in known)
        assert all(one.began and 0 < one.began < one.seconds for one in known)
        assert made.generate("a lake", size="square", seed=8).wait(60).paths
    finally:
        made.close()
