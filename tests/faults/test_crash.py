"""Processes end at random times: no job is lost or created twice, no file is incomplete."""

import itertools
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress

import pytest
from PIL import Image

from liangxin_nb.ledger import Ledger
from liangxin_nb.results import read_metadata

from ..conftest import wait_until
from ..processes import kill, running
from ..task_server import TaskServer
from .worker import submit_and_collect

pytestmark = pytest.mark.slow
CRASHES = int(os.environ.get("LIANGXIN_CRASHES", "12"))
PROMPTS = 20
#: Requests at which the process is killed, and the maximum number of each kind.
REQUESTS = {"createTask": PROMPTS, "recordInfo": 3 * PROMPTS, "file": PROMPTS}


@pytest.fixture
def server():
    with closing(TaskServer()) as server:
        yield server


def end_at_random_time(process, pipe, server, rng, end, ledger):
    """End a process when the n-th request of some kind arrives, or shortly after."""
    kind = rng.choice(list(REQUESTS))
    number = rng.randint(1, REQUESTS[kind])
    pause = rng.choice([0.0, rng.uniform(0.0, 0.05)])
    print(f"{end}: {pause:.3f} s after {kind} number {number}")
    arrived = itertools.count(1)
    at_once = end == "kill -9" and not pause

    def die(_task_id):
        if next(arrived) == number and at_once:
            kill(process)  # the request is not answered

    server.hooks[kind] = die
    wait_until(lambda: server.count(kind) >= number or process.exitcode is not None, deadline=180)
    time.sleep(pause)  # anything may happen meanwhile: the time is random
    with suppress(OSError, EOFError):  # it may have ended by itself
        END[end](process, pipe, ledger)
    kill(process)
    del server.hooks[kind]


def terminate(process, _pipe, _ledger):
    process.terminate()
    process.join()


def leave(process, pipe, _ledger):
    pipe.send("leave")
    process.join(60)


def fill_disk(_process, pipe, _ledger):
    pipe.send("fill")
    pipe.recv()
    time.sleep(1.0)  # answers arrive meanwhile


def lock_ledger(_process, _pipe, ledger):
    """Lock the ledger until the process is killed; answers arrive meanwhile."""
    with closing(sqlite3.connect(ledger, timeout=60, isolation_level=None)) as db:
        db.execute("begin immediate")
        time.sleep(1.0)
        kill(_process)


#: How the process ends; each run takes the next one.
END = {
    "kill -9": lambda process, *_: kill(process),
    "SIGTERM": terminate,
    "exit": leave,
    "full disk": fill_disk,
    "locked ledger": lock_ledger,
}


@pytest.mark.parametrize("crash", range(CRASHES))
def test_process_that_ends_loses_no_job_and_creates_no_task_twice(crash, server, tmp_path, rng):
    end = list(END)[crash % len(END)]
    arguments = (server.url, tmp_path / "r", PROMPTS)
    with running(submit_and_collect, *arguments, end) as (first, pipe):
        assert pipe.recv() == "started"
        end_at_random_time(first, pipe, server, rng, end, tmp_path / "r" / "ledger.sqlite")
    with running(submit_and_collect, *arguments) as (_, pipe):
        assert (pipe.recv(), pipe.recv()) == ("started", "saved")

    ledger = Ledger(tmp_path / "r" / "ledger.sqlite")
    records = [job for job in ledger.list_jobs(limit=None) if job.status != "pending"]
    created = server.prompts
    assert max(Counter(created.values()).values()) == 1, "a prompt was created twice"
    assert max(Counter(job.request.prompt for job in records).values()) == 1, (
        "a prompt was sent twice"
    )
    assert {job.request.prompt for job in records} == {
        f"a lake, number {n}" for n in range(PROMPTS)
    }
    assert {job.status for job in records} <= {"saved", "unconfirmed"}
    by_id = {job.task_id: job for job in records if job.task_id}
    unconfirmed = {job.request.prompt for job in records if job.status == "unconfirmed"}
    if end == "exit":
        assert unconfirmed == set(), "Python has waited for the answers"
    for task_id, prompt in created.items():
        assert task_id in by_id or prompt in unconfirmed, "a task is not in the ledger"
    assert set(by_id) <= set(created)
    for record in by_id.values():
        picture = tmp_path / "r" / record.folder / "1.png"
        with Image.open(picture) as image:
            image.load()
        assert read_metadata(picture).task_id == record.task_id
    folders = [path for path in (tmp_path / "r").glob("20*/*") if path.is_dir()]
    assert len(folders) == len(by_id), "a result was saved twice or incompletely"
