"""`kill -9` at random moments: nothing is lost, nothing is created twice, nothing is torn."""

import itertools
import os
import time
from collections import Counter
from contextlib import closing

import pytest
from PIL import Image

from liangxin_nb.ledger import Ledger
from liangxin_nb.results import read_metadata

from ..conftest import wait_until
from ..processes import kill, running
from ..task_server import TaskServer
from .worker import ask_and_collect

pytestmark = pytest.mark.slow
CRASHES = int(os.environ.get("LIANGXIN_CRASHES", "12"))
PROMPTS = 20
#: Requests at which the process is killed: their kind, and how many there are of it at most.
MOMENTS = {"createTask": PROMPTS, "recordInfo": 3 * PROMPTS, "file": PROMPTS}


@pytest.fixture
def server():
    with closing(TaskServer()) as made:
        yield made


def killed_at_random(process, server, rng):
    """Kill a process when the n-th request of some kind has arrived, or a moment later."""
    kind = rng.choice(list(MOMENTS))
    number = rng.randint(1, MOMENTS[kind])
    pause = rng.choice([0.0, rng.uniform(0.0, 0.05)])
    print(f"killed {pause:.3f} s after {kind} number {number}")
    arrived = itertools.count(1)

    def die(_task_id):
        if next(arrived) == number and not pause:
            kill(process)  # the request is not answered

    server.hooks[kind] = die
    wait_until(lambda: server.count(kind) >= number or process.exitcode is not None, deadline=180)
    time.sleep(pause)  # whatever happens meanwhile: the moment may be any
    kill(process)
    del server.hooks[kind]


@pytest.mark.parametrize("crash", range(CRASHES))
def test_killed_process_loses_nothing_and_pays_for_nothing_twice(crash, server, tmp_path, rng):
    arguments = (server.url, tmp_path / "r", PROMPTS)
    with running(ask_and_collect, *arguments) as (first, pipe):
        assert pipe.recv() == "begun"
        killed_at_random(first, server, rng)
    with running(ask_and_collect, *arguments) as (_, pipe):
        assert (pipe.recv(), pipe.recv()) == ("begun", "saved")

    ledger = Ledger(tmp_path / "r" / "ledger.sqlite")
    records = [t for t in ledger.list_jobs(limit=None) if t.status != "pending"]
    made = server.prompts
    assert max(Counter(made.values()).values()) == 1, "a prompt was created twice"
    assert max(Counter(t.request.prompt for t in records).values()) == 1, "a prompt was sent twice"
    assert {t.request.prompt for t in records} == {f"a lake, number {n}" for n in range(PROMPTS)}
    assert {t.status for t in records} <= {"saved", "unconfirmed"}
    by_id = {t.task_id: t for t in records if t.task_id}
    unknown = {t.request.prompt for t in records if t.status == "unconfirmed"}
    for id, prompt in made.items():
        assert id in by_id or prompt in unknown, "a task exists of which the ledger says nothing"
    assert set(by_id) <= set(made)
    for record in by_id.values():
        picture = tmp_path / "r" / record.folder / "1.png"
        with Image.open(picture) as image:
            image.load()
        assert read_metadata(picture).task_id == record.task_id
    folders = [path for path in (tmp_path / "r").glob("20*/*") if path.is_dir()]
    assert len(folders) == len(by_id), "a result was kept twice or half"
