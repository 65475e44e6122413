"""The durations of earlier tasks, as the ledger returns them."""

from contextlib import closing

import pytest

from liangxin_nb import Session
from liangxin_nb.core.request import Request
from liangxin_nb.polling import TaskDuration

from ..task_server import KEY, PACE, TaskServer


def finished(ledger, seconds, options=None, *, model="z-image", service="https://a.example"):
    """Add a job that succeeded after `seconds`, or one that is running for None."""
    record = ledger.create(Request(model, "a lake", options or {}), "kie", service)
    if seconds is None:
        return record
    return ledger.update(record, "success", status="succeeded", duration_s=seconds)


SMALL, LARGE = {"image_size": "square"}, {"image_size": "square_hd"}


def test_only_tasks_of_the_same_model_service_and_size_count(ledger):
    for n in range(10):
        finished(ledger, 10 + n, {**SMALL, "seed": n})
        finished(ledger, 100, LARGE)
        finished(ledger, 200, SMALL, model="flux-1")
        finished(ledger, 300, SMALL, service="https://b.example")
    running = finished(ledger, None, {**SMALL, "seed": 99})
    assert set(ledger.recent_durations(running)) == {TaskDuration(10 + n) for n in range(10)}


def test_newest_tasks_come_first(ledger):
    for seconds in range(1, 11):
        finished(ledger, seconds, SMALL)
    running = finished(ledger, None, SMALL)
    assert ledger.recent_durations(running, last=3) == (
        TaskDuration(10),
        TaskDuration(9),
        TaskDuration(8),
    )


def test_other_sizes_count_where_there_are_too_few_of_the_same(ledger):
    for seconds in (10, 11, 12):
        finished(ledger, seconds, SMALL)
        finished(ledger, seconds + 50, LARGE)
    running = finished(ledger, None, SMALL)
    assert sorted(one.duration_s for one in ledger.recent_durations(running)) == [
        10,
        11,
        12,
        60,
        61,
        62,
    ]


def test_nothing_is_known_of_a_new_model(ledger):
    finished(ledger, 10)
    assert ledger.recent_durations(finished(ledger, None, model="new-model")) == ()


@pytest.fixture
def session(tmp_path):
    """A session on a server that reports every state of a task."""
    with (
        closing(TaskServer()) as server,
        closing(Session(base_url=server.url, key=KEY, results=tmp_path, schedule=PACE)) as made,
    ):
        yield made


def test_session_learns_how_long_its_tasks_took(session):
    jobs = [session.generate("a lake") for _ in range(5)]
    for job in jobs:
        job.wait(60)
    assert len(session.ledger.recent_durations(jobs[0].record)) == 5


def test_session_learns_when_the_work_on_a_task_began(session):
    job = session.generate("a lake")
    job.wait(60)
    (known,) = session.ledger.recent_durations(job.record)
    assert 0 <= known.started_after_s <= known.duration_s


def test_task_is_followed_by_what_earlier_ones_took(session):
    for _ in range(6):
        assert session.generate("a lake").wait(60).paths
