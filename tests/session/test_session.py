"""From a prompt to a saved picture, with the failures on the way."""

import concurrent.futures
import os
import signal
import threading
from contextlib import closing

import pytest
import stamina
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.errors import APIConnectionError, APIError, InvalidRequestError, WaitTimeoutError
from liangxin_nb.results import read_metadata
from liangxin_nb.session import request_builder
from liangxin_nb.session.default import get_session

from ..conftest import FAST_PACE, wait_until
from ..processes import kill, running
from ..task_server import answer, hang_up
from ..workers import generate_and_wait


def accepted(session, prompt="a lake"):
    """A job whose task the service has accepted."""
    job = session.generate(prompt)
    wait_until(lambda: job.task_id)
    return job


# ---- from the prompt to the picture, against the sandbox


def test_prompt_becomes_a_picture_of_the_asked_size(session):
    result = session.generate("a lake", size="landscape_16_9").wait(60)
    with Image.open(result.paths[0]) as image:
        assert image.size == (1024, 576)


def test_picture_holds_the_request_that_made_it(session):
    job = session.generate("雨夜的咖啡馆 {x}", size="square", seed=7)
    found = read_metadata(job.wait(60).paths[0])
    assert (found.prompt, found.task_id) == ("雨夜的咖啡馆 {x}", job.task_id)
    assert found.options == {"image_size": "square", "seed": 7}


def test_ledger_names_the_folder_of_the_result(session):
    job = session.generate("a lake", size="square")
    result = job.wait(60)
    record = session.ledger.find(job.task_id)
    folder = result.folder.relative_to(session.results.root).as_posix()
    assert (record.status, record.folder) == ("saved", folder)


def test_ledger_says_how_long_the_task_took(session):
    job = session.generate("a lake", size="square")
    job.wait(60)
    assert session.ledger.find(job.task_id).duration_s > 0


@pytest.mark.anyio
async def test_job_can_be_awaited(session):
    result = await session.generate("a lake", size="square")
    assert result.prompt == "a lake"


def test_rejected_request_raises_the_reason_at_every_wait(session):
    job = session.generate("a lake", model="no-such-model", any_model=True)
    for _ in range(2):
        with pytest.raises(APIError, match="unsupported model: no-such-model"):
            job.wait(60)
    assert job.status == "rejected"


def test_rejected_request_is_in_the_ledger_with_its_reason(session):
    job = session.generate("a lake", model="no-such-model", any_model=True)
    with pytest.raises(APIError):
        job.wait(60)
    record = session.ledger.find(job.record.id)
    assert record.status == "rejected"
    assert "unsupported model" in record.reason


@pytest.fixture
def with_wrong_key(sandbox, tmp_path):
    made = Session(
        base_url=sandbox.url, key="sk-wrong", results=tmp_path / "results", schedule=FAST_PACE
    )
    yield made
    made.close()


def test_wrong_key_is_reported_and_the_request_counts_as_rejected(with_wrong_key):
    with pytest.raises(APIError, match="invalid token"):
        with_wrong_key.generate("a lake").wait(60)
    assert with_wrong_key.ledger.count_by_status() == {"rejected": 1}


def test_key_is_not_in_the_ledger(with_wrong_key, tmp_path):
    with pytest.raises(APIError):
        with_wrong_key.generate("a lake").wait(60)
    assert b"sk-wrong" not in (tmp_path / "results" / "ledger.sqlite").read_bytes()


def test_port_without_a_server_is_reported_as_not_sent(tmp_path):
    with (
        stamina.set_testing(True, attempts=100, cap=True),  # as many tries, without pauses
        closing(
            Session(base_url="http://127.0.0.1:9", key="k" * 20, results=tmp_path / "results")
        ) as session,
    ):
        with pytest.raises(APIConnectionError, match="Nothing was sent, nothing was billed"):
            session.generate("a lake").wait(60)
        assert session.ledger.count_by_status() == {"rejected": 1}


# ---- the same against a server that the test controls


def test_generate_returns_before_the_request_is_answered(connect, server):
    with server.held("createTask"):
        job = connect().generate("a lake")
        assert job.status == "submitting"
    job.wait(60)


def test_watcher_sees_every_state_in_order(connect, server):
    with server.held("createTask"):
        job = connect().generate("a lake")
        seen = []
        job.watch(lambda update: seen.append(update.phase))
    job.wait(60)
    states = list(dict.fromkeys(seen))
    assert states == ["submitting", "waiting", "queuing", "generating", "saving", "saved"]


def test_watcher_that_raises_does_not_end_the_work(connect, server):
    def broken(status):
        if status.phase != "submitting":
            raise RuntimeError("a watcher's own mistake")

    with server.held("createTask"):
        job = connect().generate("a lake")
        job.watch(broken)
    assert job.wait(60).prompt == "a lake"


def test_ten_requests_make_ten_tasks(connect, server):
    session = connect()
    jobs = [session.generate("a cat", seed=n) for n in range(10)]
    for job in jobs:
        job.wait(60)
    assert server.count("createTask") == 10
    assert session.ledger.count_by_status() == {"saved": 10}


@pytest.mark.parametrize(
    "wrong", [{"prompt": " "}, {"prompt": "x", "aspect": "7:5"}, {"prompt": "x", "steps": 3}]
)
def test_wrong_input_is_neither_written_nor_sent(connect, server, wrong):
    session = connect()
    with pytest.raises(InvalidRequestError):
        session.generate(**wrong)
    session.generate("a lake").wait(60)  # what is sent after it is the first request
    assert session.ledger.count_by_status() == {"saved": 1}
    assert server.count("createTask") == 1


def test_left_job_ends_its_wait_and_names_the_command_that_collects_it(connect, server):
    server.last = "generating"
    job = accepted(connect())
    job.detach()
    with pytest.raises(
        WaitTimeoutError, match=rf"it may be billed.*%liangxin resume {job.task_id}"
    ):
        job.wait(60)
    assert job.status == "detached"


def test_left_job_is_collected_by_resume_without_a_new_task(connect, server):
    server.last = "generating"
    session = connect()
    job = accepted(session)
    job.detach()
    with pytest.raises(WaitTimeoutError):
        job.wait(60)
    server.last = "success"
    (again,) = session.resume()
    assert again.wait(60).task_id == job.task_id
    assert server.count("createTask") == 1


def test_job_detached_while_its_request_is_being_sent_ends_at_once_and_gets_its_id(connect, server):
    session = connect()
    with server.held("createTask") as request:
        job = session.generate("a lake")
        request.wait()
        job.detach()
        with pytest.raises(WaitTimeoutError, match=f"will be recorded.*resume {job.record.id}"):
            job.wait(60)  # the service has not answered
        assert (job.status, session.active()) == ("detached", [])
    wait_until(lambda: job.task_id == "task_1")
    session.loop.submit(job.settle()).result(60)
    assert (job.status, job.record.status) == ("detached", "submitted")
    (again,) = session.resume(job.record.id)
    assert again.wait(60).task_id == "task_1"
    assert server.count("createTask") == 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [(lambda _: answer(402, code=402, msg="no credits"), "rejected"), (hang_up, "unconfirmed")],
)
def test_detached_job_ends_as_the_service_answers(connect, server, reply, status):
    arrived, detached = threading.Event(), threading.Event()

    def reply_later(task_id):
        arrived.set()
        detached.wait(60)
        return reply(task_id)

    server.hooks["createTask"] = reply_later
    session = connect()
    job = session.generate("a lake")
    arrived.wait(60)
    job.detach()
    wait_until(job.done)
    detached.set()
    wait_until(lambda: job.status == status)
    assert session.ledger.find(job.record.id).status == status


def test_request_that_waits_after_a_429_is_not_sent_after_close(connect, server):
    server.hooks["createTask"] = lambda _: (*answer(429, code=429), {"retry-after": "60"})
    session = connect()
    job = session.generate("a lake")
    wait_until(lambda: server.count("createTask"))
    session.close()
    wait_until(lambda: job.status == "rejected")
    assert "nothing was billed" in str(job.last_update.error)
    wait_until(lambda: session.ledger.find(job.record.id).status == "rejected")
    assert server.count("createTask") == 1


def test_patience_ends_the_wait(connect, server):
    server.last = "generating"
    job = connect(patience=0.1).generate("a lake")
    with pytest.raises(WaitTimeoutError, match=r"is still running after 0\.1 s"):
        job.wait(60)


def test_task_that_outlasts_the_patience_can_be_collected_later(connect, server):
    server.last = "generating"
    job = connect(patience=0.1).generate("a lake")
    with pytest.raises(WaitTimeoutError):
        job.wait(60)
    server.last = "success"
    (again,) = connect().resume(job.task_id)
    assert again.wait(60).task_id == job.task_id


def test_task_of_a_killed_process_is_collected_by_another(connect, server, tmp_path):
    server.last = "generating"
    with running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]) as (process, _):
        wait_until(lambda: server.count("recordInfo"))
        kill(process)
    server.last = "success"
    (job,) = connect().resume()
    assert job.wait(60).task_id == "task_1"
    assert server.count("createTask") == 1


def test_saved_task_cannot_be_resumed(connect):
    session = connect()
    job = session.generate("a lake")
    job.wait(60)
    with pytest.raises(InvalidRequestError, match="nothing to collect"):
        session.resume(job.task_id)


def test_unknown_task_cannot_be_resumed(connect):
    with pytest.raises(InvalidRequestError, match="not in the ledger"):
        connect().resume("task_unknown")


def test_resuming_a_followed_task_gives_the_running_job(connect, server):
    server.last = "generating"
    session = connect()
    job = accepted(session)
    assert session.resume(job.task_id) == [job]
    assert session.resume() == [job]


def test_interrupt_ends_the_wait_and_the_job_goes_on(connect, server, interrupt_in_wait):
    server.last = "generating"
    job = accepted(connect())
    with pytest.raises(KeyboardInterrupt):
        job.wait(60)
    server.last = "success"
    assert job.wait(60).task_id == job.task_id


def test_interrupt_while_several_are_waited_for_ends_none_of_them(
    connect, server, interrupt_in_wait
):
    server.last = "generating"
    session = connect()
    jobs = [session.generate("a lake", seed=n) for n in range(6)]
    with pytest.raises(KeyboardInterrupt):
        _ = [job.wait(60) for job in jobs]
    server.last = "success"
    assert len({job.wait(60).task_id for job in jobs}) == 6


@pytest.fixture
def interrupt_in_wait(monkeypatch):
    """Send this process an interrupt as soon as it is inside `Job.wait`."""
    inside = threading.Event()
    wait = concurrent.futures.wait

    def noticed(*args, **options):
        inside.set()
        return wait(*args, **options)

    def interrupt():
        if inside.wait(60):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(concurrent.futures, "wait", noticed)
    # A shell lets the commands that it starts in the background ignore interrupts.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    yield
    signal.signal(signal.SIGINT, previous)


# ---- several pictures of one prompt, and the session of cells


def several(profile="sandbox", model="z-image", **plain):
    made, _ = request_builder.build_requests(
        profile, "a cat", model, common_options=plain, options={}, count=3
    )
    return [request.options["seed"] for request in made]


def test_seeds_count_up_from_a_given_one():
    assert several(seed="7") == [7, 8, 9]


def test_seeds_that_a_model_wants_as_text_count_up_as_text():
    assert several("kie", "google/imagen4", seed="7") == ["7", "8", "9"]


def test_seeds_differ_where_none_is_given():
    assert len(set(several())) == 3


def test_session_of_cells_stays_in_its_folder_when_the_notebook_changes_its_own(
    monkeypatch, tmp_path
):
    first = get_session()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert get_session() is first


def test_session_of_cells_follows_a_changed_setting(monkeypatch, tmp_path):
    get_session()
    monkeypatch.setenv("LIANGXIN_RESULTS", str(tmp_path / "other"))
    assert get_session().settings.results == tmp_path / "other"
