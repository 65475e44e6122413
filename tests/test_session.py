"""From a prompt to a kept picture against a real sandbox, and everything that may come between."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from PIL import Image

from liangxin_nb import asking
from liangxin_nb.current import current
from liangxin_nb.errors import InvalidRequest, ServiceError, StillRunning, Unreachable
from liangxin_nb.results import story
from liangxin_nb.session import Session

from .conftest import FAST_PACE, start_sandbox, wait_until

pytestmark = pytest.mark.slow


def phases(job):
    seen = []
    job.watch(lambda status: seen.append(status.phase))
    return seen


def test_a_prompt_becomes_a_kept_picture_with_its_story(session):
    job = session.generate("雨夜的咖啡馆 {x}", size="landscape_16_9", seed=7)
    result = job.wait(20)
    assert Image.open(result.paths[0]).size == (1024, 576)
    told = story(result.paths[0])
    assert (told.prompt, told.task_id, told.options) == (
        "雨夜的咖啡馆 {x}",
        job.task_id,
        {"image_size": "landscape_16_9", "seed": 7},
    )
    ticket = session.ledger.find(job.task_id)
    assert (ticket.fate, ticket.folder) == (
        "kept",
        result.folder.relative_to(session.results.root).as_posix(),
    )
    assert ticket.seconds > 0


def test_it_returns_at_once_and_the_states_come_in_order(session):
    before = time.monotonic()
    job = session.generate("a lake")
    assert time.monotonic() - before < 1.0
    seen = phases(job)
    job.wait(20)
    order = ["sending", "waiting", "queuing", "generating", "saving", "done"]
    assert [order.index(p) for p in seen] == sorted(order.index(p) for p in seen)
    assert seen[-1] == "done"


def test_ten_runs_make_ten_creates_and_the_ledger_agrees(session, sandbox):
    before = sandbox.counters()
    jobs = [session.generate("a cat", seed=n) for n in range(10)]
    for job in jobs:
        job.wait(30)
    after = sandbox.counters()
    assert after["calls"]["createTask"] - before["calls"].get("createTask", 0) == 10
    assert after["created"] - before["created"] == 10
    assert session.ledger.count() == {"kept": 10}


def test_the_row_is_on_disk_before_the_request_is_sent(session, monkeypatch):
    seen = []
    send = session._life.send

    async def look(ticket, tell):
        seen.append(session.ledger.find(ticket.id).fate)
        return await send(ticket, tell)

    monkeypatch.setattr(session._life, "send", look)
    session.generate("a lake").wait(20)
    assert seen == ["intent"]


@pytest.mark.anyio
async def test_a_job_can_be_awaited(session):
    result = await session.generate("a lake")
    assert result.prompt == "a lake"


def test_a_refusal_is_raised_told_and_written_down(session):
    job = session.generate("a lake", model="no-such-model")
    with pytest.raises(ServiceError, match="unsupported model: no-such-model"):
        job.wait(20)
    with pytest.raises(ServiceError):  # a second time too
        job.wait(1)
    assert job.state == "refused"
    ticket = session.ledger.find(job.ticket.id)
    assert ticket.fate == "refused"
    assert "unsupported model" in ticket.reason


def test_bad_input_writes_nothing(session, sandbox):
    before = sandbox.counters()["calls"].get("createTask", 0)
    for wrong in ({"prompt": " "}, {"prompt": "x", "aspect": "7:5"}, {"prompt": "x", "steps": 3}):
        with pytest.raises(InvalidRequest):
            session.generate(**wrong)
    assert session.ledger.count() == {}
    assert sandbox.counters()["calls"].get("createTask", 0) == before


def test_a_wrong_key_is_told_and_written_down(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key="sk-wrong", results=tmp_path / "r", pace=FAST_PACE)
    with pytest.raises(ServiceError, match="invalid token"):
        session.generate("a lake").wait(20)
    assert session.ledger.count() == {"refused": 1}
    assert b"sk-wrong" not in (tmp_path / "r" / "ledger.sqlite").read_bytes()


def test_a_port_nobody_listens_on_leaves_a_ledger_that_tells_the_truth(tmp_path):
    session = Session(base_url="http://127.0.0.1:9", key="k", results=tmp_path / "r")
    with pytest.raises(Unreachable, match="Nothing was sent, nothing was billed"):
        session.generate("a lake").wait(30)
    assert session.ledger.count() == {"refused": 1}


@pytest.fixture
def slow(tmp_path):
    """A sandbox in which a task takes long enough to be left."""
    served = start_sandbox("--speed", "2", "--state", str(tmp_path / "state"))
    yield served
    served.stop()


@pytest.fixture
def patient(slow, tmp_path):
    made = Session(base_url=slow.url, key=slow.key, results=tmp_path / "results", pace=FAST_PACE)
    yield made
    made.close()


def test_leaving_ends_the_wait_at_once_and_the_task_can_be_collected(patient, slow):
    job = patient.generate("a lake")
    threading.Timer(1.0, job.leave).start()
    before = time.monotonic()
    with pytest.raises(StillRunning, match=r"it may be billed.*%liangxin resume task_"):
        job.wait(20)
    assert time.monotonic() - before < 4.0
    assert (job.state, patient.ledger.find(job.task_id).fate) == ("left", "accepted")
    (again,) = patient.resume()
    assert again.wait(20).task_id == job.task_id
    assert slow.counters()["created"] == 1


def test_leaving_while_it_is_sent_still_notes_the_task_id(patient):
    job = patient.generate("a lake")
    wait_until(lambda: patient.ledger.find(job.ticket.id).fate != "intent", tick=0.002)
    job.leave()
    with pytest.raises(StillRunning):
        job.wait(20)
    assert patient.ledger.find(job.ticket.id).task_id == job.task_id != ""


def test_patience_ends_the_wait_and_says_how_to_collect(slow, tmp_path):
    settings = {"base_url": slow.url, "key": slow.key, "results": tmp_path / "r"}
    hasty = Session(**settings, patience=0.5, pace=FAST_PACE)
    job = hasty.generate("a lake")
    with pytest.raises(StillRunning, match=r"is still running after 0 s|after 1 s"):
        job.wait(20)
    assert hasty.ledger.find(job.task_id).fate == "accepted"
    assert (
        Session(**settings, pace=FAST_PACE).resume(job.task_id)[0].wait(20).task_id == job.task_id
    )


def test_a_killed_process_leaves_a_task_that_another_collects(slow, tmp_path):
    code = (
        "import sys, time\n"
        "from liangxin_nb.session import Session\n"
        "session = Session(base_url=sys.argv[1], results=sys.argv[2])\n"
        "job = session.generate('a lake')\n"
        "while not job.task_id: time.sleep(0.01)\n"
        "print(job.task_id, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, slow.url, str(tmp_path / "r")]
    env = {**os.environ, "LIANGXIN_API_KEY": slow.key}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        task_id = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGKILL)
    heir = Session(base_url=slow.url, key=slow.key, results=tmp_path / "r", pace=FAST_PACE)
    (job,) = heir.resume()
    assert job.wait(20).task_id == task_id
    assert slow.counters()["created"] == 1


def test_what_is_kept_or_refused_cannot_be_resumed(session):
    job = session.generate("a lake")
    job.wait(20)
    with pytest.raises(InvalidRequest, match="nothing to collect"):
        session.resume(job.task_id)
    with pytest.raises(InvalidRequest, match="not in the ledger"):
        session.resume("task_unknown")


def test_resuming_what_is_followed_gives_the_same_job(patient):
    job = patient.generate("a lake")
    while not job.task_id:
        time.sleep(0.01)
    assert patient.resume(job.task_id) == [job]
    assert patient.resume() == [job]


def several(plain):
    return asking.requests("sandbox", "a cat", "z-image", plain=plain, options={}, count=3)[0]


def test_seeds_that_a_model_wants_as_text_count_up_as_text():
    made, _ = asking.requests(
        "kie", "a cat", "google/imagen4", plain={"seed": "7"}, options={}, count=3
    )
    assert [request.options["seed"] for request in made] == ["7", "8", "9"]


def test_several_pictures_have_seeds_that_differ_and_can_be_made_again():
    requests = several(plain={"seed": "7"})
    assert [request.options["seed"] for request in requests] == [7, 8, 9]
    requests = several(plain={})
    assert len({request.options["seed"] for request in requests}) == 3


def test_an_interrupt_ends_the_wait_and_not_the_job(patient):
    job = patient.generate("a lake")
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        job.wait(30)
    assert time.monotonic() - before < 3.0
    assert job.wait(20).task_id == job.task_id


def test_the_session_of_cells_follows_the_settings_and_stays_in_its_folder(monkeypatch, tmp_path):
    first = current()
    assert current() is first
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert current() is first
    monkeypatch.setenv("LIANGXIN_RESULTS", str(tmp_path / "other"))
    assert current().settings.results == tmp_path / "other"


def test_a_watcher_that_fails_does_not_end_the_work(session):
    def broken(status):
        if status.phase != "sending":
            raise RuntimeError("a screen fell over")

    job = session.generate("a lake")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(job.watch, broken)
    assert job.wait(20).prompt == "a lake"
