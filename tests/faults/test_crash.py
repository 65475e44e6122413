"""Processes end at random times: no job is lost or created twice, no file is incomplete.

The moments depend on the seed of the run; tests/README.md describes how to repeat one.
"""

import itertools
import os
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from PIL import Image

from liangxin_nb.engine.journal import Journal
from liangxin_nb.results import read_metadata

from ..conftest import wait_until
from ..kernels import environment
from ..notebook_kernel import Kernel
from ..processes import is_ending, kill, running
from ..task_server import KEY, Gate
from .report import add_crash
from .worker import NOT_SENT, open_session, submit_and_collect

pytestmark = pytest.mark.slow
CRASHES = int(os.environ.get("LIANGXIN_CRASHES", "12"))
#: Seconds for which the ledger stays locked at least.
LOCK_S = float(os.environ.get("LIANGXIN_LOCK_S", "0"))
PROMPTS = 20
MAX_IN_FLIGHT = 4
#: Requests at which the process is ended, and the maximum number of each kind.
REQUESTS = {"createTask": PROMPTS, "recordInfo": 3 * PROMPTS, "file": PROMPTS}


class Moment:
    """A random request; it and all later ones of its kind are answered after `answer`."""

    def __init__(self, server, rng):
        self._server = server
        self.kind = rng.choice(list(REQUESTS))
        self._number = rng.randint(1, REQUESTS[self.kind])
        #: Of two variants of an end, which one happens.
        self.variant = rng.random() < 0.5
        self._count, self._gate = itertools.count(1), Gate()
        server.hooks[self.kind] = self

    def __call__(self, task_id):
        if next(self._count) >= self._number:
            self._gate(task_id)

    def __str__(self):
        return f"{self.kind} {self._number}, variant {'AB'[self.variant]}"

    def wait(self):
        self._gate.wait()

    def answer(self):
        self._server.hooks.pop(self.kind, None)
        self._gate.release()


def recorded_ids(results):
    """Return the task ids in the ledger and in the journal, also while the ledger is locked."""
    path = results / "ledger.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        ids = {task_id for (task_id,) in db.execute("SELECT task_id FROM jobs")}
    return (ids | {row.job.task_id for row in Journal(results, str(path)).rows()}) - {""}


@contextmanager
def submitting_process(end, server, results, moment):
    """Submit all prompts in a process, and wait for the moment."""
    with running(submit_and_collect, server.url, results, PROMPTS, end) as (process, pipe):
        assert pipe.recv() == "started"
        moment.wait()
        yield process, pipe


def kill_process(end, server, results, moment):
    with submitting_process(end, server, results, moment) as (process, _):
        if moment.variant:
            moment.answer()
        kill(process)


def terminate(end, server, results, moment):
    with submitting_process(end, server, results, moment) as (process, _):
        if moment.variant:
            moment.answer()
        process.terminate()
        process.join()


def leave(end, server, results, moment):
    """End Python normally; the service answers meanwhile."""
    with submitting_process(end, server, results, moment) as (process, pipe):
        pipe.send("leave")
        wait_until(lambda: is_ending(process.pid))
        moment.answer()
        process.join()


def end_kernel(end, server, results, moment):
    """Restart a kernel or shut it down; the service answers meanwhile."""
    submit = (
        "import os\n"
        "from tests.faults.worker import open_session, submit_new\n"
        f"jobs = submit_new(open_session({server.url!r}, {str(results)!r}), {PROMPTS})\n"
        "os.getpid()"
    )
    env = environment(results.parent, LIANGXIN_BASE_URL=server.url, LIANGXIN_API_KEY=KEY)
    with (
        Kernel(results.parent, env) as kernel,
        ThreadPoolExecutor() as pool,
    ):
        pid = int(kernel.run(submit)[-1])
        moment.wait()
        is_held = pool.submit(wait_until, lambda: is_ending(pid))
        is_held.add_done_callback(lambda _: moment.answer())
        kernel.shut_down(restart=end == "kernel restart")
        is_held.result()


def fill_disk(end, server, results, moment):
    """Let the service answer while the ledger cannot grow, then kill the process."""
    with submitting_process(end, server, results, moment) as (_, pipe):
        pipe.send("fill")
        assert pipe.recv() == "full"
        moment.answer()
        wait_until(lambda: set(server.prompts) <= recorded_ids(results))


def lock_ledger(end, server, results, moment):
    """Let the service answer while the ledger is locked; then kill the process, or unlock it."""
    with (
        submitting_process(end, server, results, moment) as (process, pipe),
        closing(sqlite3.connect(results / "ledger.sqlite", 60, isolation_level=None)) as db,
    ):
        db.execute("begin immediate")
        unlock_at = time.monotonic() + LOCK_S
        moment.answer()
        wait_until(lambda: set(server.prompts) <= recorded_ids(results))
        wait_until(lambda: time.monotonic() >= unlock_at)
        if moment.variant:
            db.execute("rollback")
            assert pipe.recv() == "saved"
        kill(process)


#: How the process ends; each run takes the next one.
ENDS = {
    "kill -9": kill_process,
    "SIGTERM": terminate,
    "exit": leave,
    "full disk": fill_disk,
    "locked ledger": lock_ledger,
    "kernel restart": end_kernel,
    "kernel shutdown": end_kernel,
}
#: Ends that wait for the answers to createTask.
HELD = ("exit", "kernel restart", "kernel shutdown")


@pytest.mark.parametrize("crash", range(CRASHES))
def test_process_that_ends_loses_no_job_and_creates_no_task_twice(
    crash, server, tmp_path, rng, request
):
    end, results, moment = list(ENDS)[crash % len(ENDS)], tmp_path / "r", Moment(server, rng)
    print(f"run {crash}: {end} at {moment}")
    ENDS[end](end, server, results, moment)
    moment.answer()
    recorded, created = recorded_ids(results), len(server.prompts)
    followed = {task_id for kind, task_id in server.asked if kind == "recordInfo"}
    with running(submit_and_collect, server.url, results, PROMPTS) as (_, pipe):
        assert (pipe.recv(), pipe.recv()) == ("started", "saved")

    with closing(open_session(server.url, results)) as session:  # it reads the journal
        records = session.ledger.list_jobs(limit=None)
    sent = [job for job in records if job.status not in NOT_SENT]
    by_id = {job.task_id: job for job in sent if job.task_id}
    unconfirmed = {job.request.prompt for job in sent if job.status == "unconfirmed"}
    counts = created, len(recorded), len(by_id), len(unconfirmed)
    add_crash(request.node, crash, end, str(moment), *counts)

    assert max(Counter(server.prompts.values()).values()) == 1, "a prompt was created twice"
    assert Counter(job.request.prompt for job in sent) == {
        f"a lake, number {n}": 1 for n in range(PROMPTS)
    }
    assert {job.status for job in sent} <= {"saved", "unconfirmed"}
    assert end == "full disk" or "rejected" not in {job.status for job in records}
    assert followed <= recorded <= set(by_id) <= set(server.prompts)
    assert len(unconfirmed) <= (0 if end in HELD else MAX_IN_FLIGHT)
    for task_id, prompt in server.prompts.items():
        assert task_id in by_id or prompt in unconfirmed, "a task is not in the ledger"
    for record in by_id.values():
        assert_is_complete(results / record.folder / "1.png", record.task_id)
    folders = [path for path in results.glob("20*/*") if path.is_dir()]
    assert len(folders) == len(by_id), "a result was saved twice or incompletely"


def assert_is_complete(picture, task_id):
    with Image.open(picture) as image:
        image.load()
    assert read_metadata(picture).task_id == task_id
