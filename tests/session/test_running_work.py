"""Identical work that is still running is followed, not paid for again."""

import pytest
from PIL import Image

from liangxin_nb.batches import factory, open_batch, prepare
from liangxin_nb.errors import APIConnectionError
from liangxin_nb.session import session as session_module

from ..conftest import wait_until
from ..task_server import hang_up


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
        for module in (session_module, factory):
            monkeypatch.setattr(module, "current_cell_id", lambda: cell_id)

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


def test_reuse_follows_the_task_of_another_notebook(connect, server):
    job = start(connect())
    followed = connect().generate("a lake", reuse=True)
    assert followed.note.endswith("is still running; nothing was sent again.")
    server.last = "success"
    assert followed.wait(60).task_id == job.task_id
    assert server.count("createTask") == 1


def test_reuse_waits_for_a_request_that_another_notebook_is_sending(connect, server):
    with server.held("createTask") as request:
        job = connect().generate("a lake")
        request.wait()
        followed = connect().generate("a lake", reuse=True)
    server.last = "success"
    assert followed.wait(60).task_id == job.wait(60).task_id
    assert server.count("createTask") == 1


def test_reuse_follows_a_detached_task(connect, server):
    session = connect()
    job = start(session)
    job.detach()
    wait_until(job.done)
    server.last = "success"
    assert session.generate("a lake", reuse=True).wait(60).task_id == job.task_id
    assert server.count("createTask") == 1


def test_reuse_does_not_repeat_a_request_without_an_answer(connect, server):
    server.hooks["createTask"] = hang_up
    session = connect()
    first = session.generate("a lake")
    wait_until(first.done)
    del server.hooks["createTask"]
    job = connect().generate("a lake", reuse=True)
    with pytest.raises(APIConnectionError):
        job.wait(60)
    assert (job.status, job.record.id) == ("unconfirmed", first.record.id)
    assert "its task may exist and may be billed, so nothing was sent again" in job.note
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


# ---- batches


def start_batch(session, prompts=("a lake", "a hill"), **arguments):
    batch = prepare(session, list(prompts), **arguments).start()
    wait_until(lambda: all(outcome.task_id for outcome in batch))
    return batch


def test_rows_of_a_batch_reuse_work_that_is_running(connect, server):
    session = connect()
    single, earlier = start(session), start_batch(session, ["a hill"])
    prepared = prepare(session, ["a lake", "a hill", "a lake"], reuse=True)
    assert prepared.estimate.tasks == 1
    assert prepared.estimate.notes == ("2 identical tasks still running: not sent again.",)
    batch = prepared.start()
    server.last = "success"
    batch.wait(60)
    assert [outcome.task_id for outcome in batch][:2] == [single.task_id, earlier[0].task_id]
    assert [outcome.reused for outcome in batch] == [True, True, False]
    assert server.count("createTask") == 3


@pytest.fixture(params=[False, True], ids=["prompts", "reference"])
def start_partly(request, tmp_path):
    """Starts a batch of four rows, each with a reference or none; two tasks run, two wait."""
    Image.new("RGB", (9, 9), "red").save(path := tmp_path / "a.png")
    arguments = {"models": "seedream-v4-5-edit", "image": path} if request.param else {}

    def start(session):
        prepared = prepare(session, list("abcd"), reuse=True, **arguments)
        batch = prepared.start(concurrency=2)
        wait_until(lambda: sum(bool(outcome.task_id) for outcome in batch) >= 2)
        return batch

    return start, arguments


def test_requests_that_wait_in_a_batch_are_not_sent_by_another_one(connect, server, start_partly):
    start, arguments = start_partly
    session = connect()
    first = start(session)
    assert start(session) is first, "the cell runs again"
    prepared = prepare(session, list("abcde"), reuse=True, **arguments)
    assert prepared.estimate.tasks == 1
    second = prepared.start()
    server.last = "success"
    assert second.wait(60)[:4] == first.wait(60)
    assert session.generate("d", **_single(arguments), reuse=True).wait(60) == second.results[3]
    assert server.count("createTask") == 5


def test_requests_that_an_ended_kernel_has_not_sent_are_sent_once(connect, server, start_partly):
    start, arguments = start_partly
    before = connect()
    first = start(before)
    first.pause()
    end_kernel(before)
    server.last = "success"
    session = connect()
    single = session.generate("d", **_single(arguments), reuse=True)
    assert start(session).id == first.id
    assert None not in open_batch(session, first.id).wait(60)
    assert single.wait(60).task_id == open_batch(session, first.id).results[3].task_id
    assert (factory.unsent_batches(session), server.count("createTask")) == ([], 4)


def _single(arguments):
    """Return the arguments of a batch as those of one request."""
    return {name.replace("models", "model"): value for name, value in arguments.items()}


def test_rows_of_a_batch_reuse_the_tasks_of_an_ended_kernel(connect, server):
    first = connect()
    earlier = start_batch(first)
    end_kernel(first)
    server.last = "success"
    batch = prepare(connect(), ["a lake", "a hill"], reuse=True).start()
    assert [result.task_id for result in batch.wait(60)] == [one.task_id for one in earlier]
    again = open_batch(connect(), batch.id)
    assert again.wait(60) == batch.results
    assert server.count("createTask") == 2


def test_rows_of_a_batch_follow_the_tasks_of_another_notebook(connect, server):
    earlier = start_batch(connect())
    batch = prepare(connect(), ["a lake", "a hill"], reuse=True).start()
    server.last = "success"
    assert batch.wait(60) == earlier.wait(60)
    assert server.count("createTask") == 2


def test_row_of_a_batch_waits_for_a_request_that_another_notebook_is_sending(connect, server):
    with server.held("createTask") as request:
        job = connect().generate("a lake")
        request.wait()
        batch = prepare(connect(), ["a lake"], reuse=True).start()
    server.last = "success"
    assert batch.wait(60) == [job.wait(60)]
    assert server.count("createTask") == 1


def test_row_of_a_batch_does_not_repeat_a_request_without_an_answer(connect, server):
    server.hooks["createTask"] = hang_up
    session = connect()
    wait_until(session.generate("a lake").done)
    prepared = prepare(session, ["a lake"], reuse=True)
    assert "its task may exist and may be billed, so it is not sent again" in prepared.estimate.text
    batch = prepared.start()
    assert (batch.counts["unconfirmed"], batch.retry()) == (1, 0)
    assert server.count("createTask") == 1


def test_two_notebooks_that_retry_a_batch_send_each_request_once(connect, server, monkeypatch):
    server.last = "fail"
    first = prepare(connect(), ["a lake", "a hill"]).start()
    first.wait(60)
    session = connect()
    second = open_batch(session, first.id)
    server.last = "success"
    create_jobs, counts = session.create_jobs, []

    def create_later(*args, **options):
        counts.append(first.retry())  # between reading and writing of the second notebook
        return create_jobs(*args, **options)

    monkeypatch.setattr(session, "create_jobs", create_later)
    assert [second.retry(), *counts] == [0, 2]
    assert None not in first.wait(60)
    assert server.count("createTask") == 4


@pytest.mark.parametrize("seeds", [None, 2])
def test_batch_cell_run_again_after_a_restart_continues_its_batch(connect, server, in_cell, seeds):
    in_cell("cell-1")
    first = connect()
    earlier = start_batch(first, seeds=seeds)
    end_kernel(first)
    server.last = "success"
    batch = prepare(connect(), ["a lake", "a hill"], seeds=seeds).start(max_tasks=1)
    assert batch.id == earlier.id
    assert batch.notes[0].endswith("continues; nothing was sent again.")
    assert [result.task_id for result in batch.wait(60)] == [one.task_id for one in earlier]
    assert server.count("createTask") == len(batch)


@pytest.mark.parametrize("change", ["cell", "prompts", "kernel", "finished"])
def test_other_batch_cell_is_sent(connect, server, in_cell, change):
    in_cell("cell-1")
    session = connect()
    server.last = "success" if change == "finished" else "generating"
    earlier = start_batch(session)
    if change == "finished":
        earlier.wait(60)
    if change != "kernel":
        end_kernel(session)
        session = connect()
    in_cell("cell-2" if change == "cell" else "cell-1")
    prompts = ["a lake", "a tree"] if change == "prompts" else ["a lake", "a hill"]
    assert start_batch(session, prompts).id != earlier.id
    assert server.count("createTask") == 4
