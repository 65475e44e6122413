"""Identical work that is still running is followed, not paid for again."""

import pytest

from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.session import session as session_module

from ..conftest import wait_until


def start(session, prompt="a lake", **options):
    job = session.generate(prompt, **options)
    wait_until(lambda: job.task_id)
    return job


def end_kernel(session):
    """End a session, as a restarted kernel does, while its tasks run."""
    jobs = session.active()
    session.close()
    wait_until(lambda: all(job.done() for job in jobs))


@pytest.fixture
def in_cell(monkeypatch):
    """Sets the id of the cell that is running."""

    def set_cell(cell_id):
        monkeypatch.setattr(session_module, "current_cell_id", lambda: cell_id)

    return set_cell


@pytest.fixture(autouse=True)
def running_tasks(server):
    server.last = "generating"


def test_reuse_returns_the_job_of_this_session(connect, server):
    session = connect()
    job = start(session)
    assert session.generate("a lake", reuse=True) is job
    assert job.note.endswith("is still running; nothing was sent again.")
    assert server.count("createTask") == 1


def test_reuse_follows_the_task_of_an_ended_kernel(connect, server):
    first = connect()
    job = start(first)
    end_kernel(first)
    server.last = "success"
    assert connect().generate("a lake", reuse=True).wait(60).task_id == job.task_id
    assert server.count("createTask") == 1


def test_reuse_does_not_pay_for_what_another_notebook_follows(connect, server):
    start(connect())
    with pytest.raises(InvalidRequestError, match="followed by another notebook"):
        connect().generate("a lake", reuse=True)
    assert server.count("createTask") == 1


@pytest.mark.parametrize("other", [{"prompt": "a hill"}, {"seed": 8}, {"aspect": "1:1"}])
def test_other_request_is_sent(connect, server, other):
    session = connect()
    start(session, seed=7)
    start(session, **{"prompt": "a lake", "seed": 7, "reuse": True, **other})
    assert server.count("createTask") == 2


def test_cell_run_again_after_a_restart_follows_its_task(connect, server, in_cell):
    in_cell("cell-1")
    first = connect()
    job = start(first)
    end_kernel(first)
    server.last = "success"
    assert connect().generate("a lake").wait(60).task_id == job.task_id
    assert server.count("createTask") == 1


def test_each_task_of_a_cell_is_followed_once(connect, server, in_cell):
    in_cell("cell-1")
    first = connect()
    earlier = {start(first).task_id for _ in range(2)}
    end_kernel(first)
    second = connect()
    assert {start(second).task_id for _ in range(2)} == earlier
    assert start(second).task_id not in earlier, "the third one is new"
    assert server.count("createTask") == 3


@pytest.mark.parametrize("cell_id", ["cell-2", ""])
def test_other_cell_is_sent_after_a_restart(connect, server, in_cell, cell_id):
    in_cell("cell-1")
    first = connect()
    start(first)
    end_kernel(first)
    in_cell(cell_id)
    start(connect())
    assert server.count("createTask") == 2


def test_cell_run_again_in_the_same_kernel_is_sent(connect, server, in_cell):
    in_cell("cell-1")
    session = connect()
    start(session)
    start(session)
    assert server.count("createTask") == 2


def test_changed_cell_is_sent_after_a_restart(connect, server, in_cell):
    in_cell("cell-1")
    first = connect()
    start(first)
    end_kernel(first)
    start(connect(), "a hill")
    assert server.count("createTask") == 2


def test_saved_work_of_a_cell_is_sent_again_after_a_restart(connect, server, in_cell):
    """Only `reuse` returns saved results."""
    in_cell("cell-1")
    server.last = "success"
    first = connect()
    first.generate("a lake").wait(60)
    end_kernel(first)
    connect().generate("a lake").wait(60)
    assert server.count("createTask") == 2
