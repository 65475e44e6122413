"""Taking up what was begun elsewhere: by another kernel, another machine, another notebook."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from liangxin_nb.errors import InvalidRequest, LiangxinError, ResultLost, Unreachable
from liangxin_nb.request import Request
from liangxin_nb.session import Session
from liangxin_nb.waiting import unfinished

from .conftest import FAST_PACE, start_sandbox

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slow():
    """A sandbox in which a small task takes about two seconds."""
    served = start_sandbox("--speed", "4")
    yield served
    served.stop()


@pytest.fixture
def make(slow, tmp_path):
    """Makes sessions on one folder, as several kernels would have them."""
    made = []

    def session(folder="r", **more):
        more = {"base_url": slow.url, "key": slow.key, "pace": FAST_PACE, **more}
        made.append(Session(results=tmp_path / folder, **more))
        return made[-1]

    yield session
    for one in made:
        one.close()


def asked(session, prompt="a lake"):
    job = session.generate(prompt, size="square")
    while not job.task_id:
        time.sleep(0.01)
    return job


def test_what_another_living_kernel_follows_is_left_to_it(make, slow):
    first, second = make(), make()
    job = asked(first)
    assert second.resume() == []
    assert second.elsewhere() == 1
    with pytest.raises(InvalidRequest, match="followed by another notebook"):
        second.resume(job.task_id)
    job.wait(20)
    assert second.elsewhere() == 0
    assert second.result(second.ticket(job.task_id)).task_id == job.task_id


def test_what_a_closed_session_left_is_taken_up_by_another(make, slow):
    first = make()
    job = asked(first)
    first.close()
    with pytest.raises(LiangxinError):
        job.wait(5)
    (again,) = make().resume()
    assert again.wait(20).task_id == job.task_id


def test_a_task_that_ended_while_nobody_looked_is_collected(make):
    first = make()
    job = asked(first)
    job.leave()
    with suppress(LiangxinError):
        job.wait(5)
    time.sleep(4)  # longer than the task takes: nobody asks meanwhile
    assert make().resume(job.task_id)[0].wait(10).task_id == job.task_id


def test_any_task_of_this_key_can_be_attached_with_its_prompt_read_back(make):
    job = asked(make("one"), "雨夜 {x}")
    stranger = make("two")
    attached = stranger.attach(job.task_id)
    result = attached.wait(20)
    assert (result.prompt, dict(result.story.options)) == ("雨夜 {x}", {"image_size": "square"})
    assert stranger.ledger.find(job.task_id).fate == "kept"
    assert stranger.attach(job.task_id).wait(5).paths == result.paths


def test_a_lost_answer_is_made_good_by_the_id_that_the_console_shows(make, tmp_path):
    served = start_sandbox(
        "--speed", "20", "--faults", "create-lost*2", "--state", str(tmp_path / "state")
    )
    try:
        session = make(base_url=served.url, key=served.key)
        lost = [session.generate(prompt, size="square") for prompt in ("a lake", "a hill")]
        for job in lost:
            with pytest.raises(Unreachable):
                job.wait(20)
        lines = (tmp_path / "state" / "tasks.jsonl").read_text().splitlines()
        tasks = {t["param"]["input"]["prompt"]: t["id"] for t in map(json.loads, lines)}
        (hill,) = session.resume(tasks["a hill"])
        lake = session.attach(tasks["a lake"])
        assert hill.ticket.id == lost[1].ticket.id, "the very ticket, not another one"
        assert hill.wait(20).prompt == "a hill"
        assert lake.wait(20).prompt == "a lake"
        assert session.ledger.count() == {"kept": 2}
        assert served.counters()["created"] == 2
        with pytest.raises(InvalidRequest, match="is not in the ledger"):
            session.resume("task_of_nobody")
    finally:
        served.stop()


def test_asking_whether_a_named_task_is_the_lost_one_takes_a_turn(make, tmp_path, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BUDGET", str(tmp_path / "budget"))
    served = start_sandbox("--faults", "create-lost")
    try:
        session = make(base_url=served.url, key=served.key)
        with pytest.raises(Unreachable):
            session.generate("a lake", size="square").wait(20)
        with pytest.raises(InvalidRequest, match="is not in the ledger"):
            session.resume("task_of_nobody")
        (book,) = (tmp_path / "budget").glob("*.json")
        assert len(json.loads(book.read_text())["recordInfo"]["taken"]) == 1
    finally:
        served.stop()


def test_attaching_a_task_of_somebody_else_says_so(make):
    session = make()
    job = session.attach("task_nobody_knows")
    with pytest.raises(ResultLost, match="does not know task task_nobody_knows"):
        job.wait(10)
    assert job.state == "lost"
    assert len(session.history()) == 0


def test_a_notebook_alone_is_enough(make, tmp_path):
    job = asked(make("one"))
    outputs = [
        {"metadata": {"liangxin": {"ticket": "x", "task_id": job.task_id}}},
        {"metadata": {"liangxin": {"task_id": job.task_id}}},
        {"metadata": {"liangxin": {"task_id": 7}}},
        {"metadata": {"liangxin": {"task_id": "x" * 999}}},
        {"metadata": None},
        None,
    ]
    cells = [{"outputs": outputs}, {"outputs": None}, None, {}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    jobs = make("two").recover(tmp_path / "n.ipynb")
    assert [found.wait(20).task_id for found in jobs] == [job.task_id]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 7}', "nonsense"])
def test_what_is_no_notebook_is_refused(make, tmp_path, text):
    (tmp_path / "n.ipynb").write_text(text)
    with pytest.raises(InvalidRequest, match="is not a notebook file"):
        make().recover(tmp_path / "n.ipynb")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        make().recover(tmp_path / "missing.ipynb")


def test_the_reckoning_adds_up_and_says_what_to_do(make, tmp_path):
    session = make()
    kept = asked(session)
    kept.wait(20)
    with suppress(LiangxinError):
        session.generate("x", model="no-such-model").wait(10)
    dead = session.ledger.intend(Request("z-image", "lost on its way"), *session_service(session))
    session.ledger.change(dead, "sent", fate="sent")
    session.ledger.intend(Request("z-image", "never sent"), *session_service(session))
    found = {finding.what: finding for finding in session.examine()}
    assert {what: f.count for what, f in found.items()} == {
        "kept": 1, "unknown": 1, "refused": 1, "never sent": 1,
    }  # fmt: skip
    assert sum(f.count for f in found.values()) == len(session.history())
    assert "console" in found["unknown"].do
    assert session.ledger.find(dead.id).fate == "unknown"
    for file in kept.result.folder.iterdir():
        file.unlink()
    kept.result.folder.rmdir()
    assert {f.what for f in session.examine()} >= {"kept, then removed"}
    with pytest.raises(ResultLost, match="no longer"):
        session.result(session.ticket(kept.task_id))
    assert session.resume(kept.task_id)[0].wait(20).paths[0].exists()


def session_service(session):
    return session.settings.profile, session.settings.base_url


def test_history_is_rows_for_people_and_programs(make):
    session = make()
    asked(session, "雨夜").wait(20)
    table = session.history()
    (row,) = table
    assert (row["prompt"], row["fate"], row["model"]) == ("雨夜", "kept", "z-image")
    assert row["seconds"] > 0
    assert row["task"] in repr(table)
    assert "雨夜" in table._repr_html_()
    assert len(session.history(search="nothing like it")) == 0


def test_how_many_wait_is_read_without_the_engine(make, tmp_path):
    assert unfinished(tmp_path / "r" / "ledger.sqlite") == 0
    job = asked(make())
    assert unfinished(tmp_path / "r" / "ledger.sqlite") == 1
    job.wait(20)
    assert unfinished(tmp_path / "r" / "ledger.sqlite") == 0


STAGES = ["sending", "waiting", "queuing", "generating", "saving"]


@pytest.mark.parametrize("how", ["leave", "close", "interrupt", "kill"])
@pytest.mark.parametrize("stage", STAGES)
def test_whatever_ends_it_at_whatever_stage_it_is_collected(stage, how, make, slow, tmp_path):
    code = (
        "import os, signal, sys, threading, time\n"
        "from liangxin_nb.pacing import Pace\n"
        "from liangxin_nb.session import Session\n"
        "pace = Pace(steps=((float('inf'), .02, .03),), spacing=.005, creating=.2)\n"
        "url, results, stage, how = sys.argv[1:]\n"
        "session = Session(base_url=url, results=results, pace=pace)\n"
        "def end(job):\n"
        "    if how == 'leave': job.leave()\n"
        "    if how == 'close': session.close()\n"
        "    if how == 'interrupt': os.kill(os.getpid(), signal.SIGINT)\n"
        "    if how == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n"
        "reached = threading.Event()\n"
        "job = session.generate('a lake', size='square')\n"
        "def look(status):\n"
        "    if status.phase == stage and not reached.is_set():\n"
        "        reached.set(); end(job)\n"
        "job.watch(look)\n"
        "try: job.wait(20)\n"
        "except BaseException as error: print(type(error).__name__)\n"
        "os._exit(0)\n"
    )
    command = [sys.executable, "-c", code, slow.url, str(tmp_path / "r"), stage, how]
    before = slow.counters()["created"]
    env = {**os.environ, "LIANGXIN_API_KEY": slow.key}
    subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    heir = make()
    for job in heir.resume():
        job.wait(20)
    made = slow.counters()["created"] - before
    counts = heir.ledger.count()
    assert made == counts.get("kept", 0) + counts.get("unknown", 0) <= 1
    if stage != "sending":
        assert counts == {"kept": 1}


def test_an_interrupt_in_the_middle_of_many_leaves_them_all(make):
    session = make()
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(6)]
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        _ = [job.wait() for job in jobs]
    assert len({job.wait(30).task_id for job in jobs}) == 6
