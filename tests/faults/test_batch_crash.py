"""`kill -9` during a batch: two processes resume it, and no request is sent twice."""

import itertools
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from liangxin_nb import Session
from liangxin_nb.batches import open_batch
from liangxin_nb.batches.batch import CONCURRENCY
from liangxin_nb.engine.journal import Journal
from liangxin_nb.ledger import Ledger

from ..conftest import wait_until
from ..processes import kill, running
from ..task_server import KEY, PACE, TaskServer, answer
from .worker import run_batch

pytestmark = pytest.mark.slow
REJECTED, FAILED = 3, 6  # of the first requests that arrive


@dataclass
class Batch:
    """A batch that was killed and resumed, and its outcome.

    Attributes:
        unconfirmed: The number of requests in flight when the process was killed whose answer
            was neither in the ledger nor in the journal.
        counts: The number of job records of each status.
        created: The number of tasks for each prompt and seed.
        calls: The number of createTask requests.
        text: The summary of the batch after it is opened again.
    """

    server: TaskServer
    results: Path
    id: str
    size: int
    unconfirmed: int = 0
    counts: Counter = None
    created: Counter = None
    calls: int = 0
    text: str = ""

    @property
    def unsuccessful(self):
        return self.counts["failed"] + self.counts["rejected"]

    @property
    def ledger(self):
        return Ledger(self.results / "ledger.sqlite")

    def open(self):
        return Session(base_url=self.server.url, key=KEY, results=self.results, schedule=PACE)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((60, False), marks=pytest.mark.xdist_group("crash-between"), id="between"),
        pytest.param((24, True), marks=pytest.mark.xdist_group("crash-amid"), id="during"),
    ],
)
def batch(request, tmp_path_factory):
    """A batch killed between or during requests, and resumed by two processes at once."""
    size, during_requests = request.param
    with closing(TaskServer()) as server:
        batch = Batch(server, tmp_path_factory.mktemp("batch"), "", size)
        reject_and_fail_some(server)
        if during_requests:
            kill_during_requests(batch)
        else:
            kill_between_requests(batch)
        resume_in_two_processes(batch)
        yield batch


def reject_and_fail_some(server):
    arrived = itertools.count()

    def hook(task_id):
        number = next(arrived)
        if number < REJECTED:
            server.forget(task_id)
            return answer(422, code=422, msg="The prompt was rejected by the moderation.")
        if number < REJECTED + FAILED:
            server.lasts[task_id] = "fail"
        return None

    server.hooks["createTask"] = hook


def kill_between_requests(batch):
    """Kill the process when the maximum number of tasks is running and none is being sent."""
    server, half = batch.server, batch.size // 2
    hook, arrived = server.hooks["createTask"], itertools.count(1)

    def hold_tasks_of_the_second_half(task_id):
        if next(arrived) > half:
            server.lasts.setdefault(task_id, "generating")
        return hook(task_id)

    def all_are_running():
        sent = server.count("createTask") == half + CONCURRENCY
        return sent and batch.ledger.count_by_status().get("submitted") == CONCURRENCY

    server.hooks["createTask"] = hold_tasks_of_the_second_half
    with running(run_batch, server.url, batch.results, batch.size) as (process, pipe):
        batch.id = pipe.recv()
        assert sum(batch.ledger.count_by_status().values()) == batch.size, (
            "all jobs are recorded first"
        )
        wait_until(all_are_running, deadline=180)
        kill(process)
    assert batch.ledger.count_by_status()["pending"] == half - CONCURRENCY
    server.hooks["createTask"] = hook
    server.lasts = {task_id: last for task_id, last in server.lasts.items() if last == "fail"}


def kill_during_requests(batch):
    """Kill the process when a request of its second half has arrived and is not answered."""
    server, fatal = batch.server, batch.size * 2 // 3
    hook, arrived = server.hooks["createTask"], itertools.count(1)
    has_id = threading.Event()

    def kill_at_arrival(task_id):
        if next(arrived) == fatal:
            has_id.wait(60)
            kill(process)
        return hook(task_id)

    server.hooks["createTask"] = kill_at_arrival
    with running(run_batch, server.url, batch.results, batch.size) as (process, pipe):
        batch.id = pipe.recv()
        has_id.set()
        process.join()
    server.hooks["createTask"] = hook
    # Under load, an id may be in the journal before it is in the ledger: it is not lost.
    in_journal = {row.job.id for row in Journal(batch.results, batch.ledger.location).rows()}
    submitting = {record.id for record in batch.ledger.with_status("submitting")}
    batch.unconfirmed = len(submitting - in_journal)
    assert batch.unconfirmed > 0


def resume_in_two_processes(batch):
    """Resume a batch in two processes at once; each job is followed by one of them."""
    arguments = (batch.server.url, batch.results, batch.size, batch.id)
    with (
        running(run_batch, *arguments) as (_, first),
        running(run_batch, *arguments) as (_, second),
    ):
        for pipe in (first, second):
            assert (pipe.recv(), pipe.recv()) == (batch.id, "saved")
    batch.counts = Counter(batch.ledger.count_by_status())
    inputs = [body["input"] for body in batch.server.bodies.values()]
    batch.created = Counter((values["prompt"], values["seed"]) for values in inputs)
    batch.calls = batch.server.count("createTask")
    with closing(batch.open()) as session:
        reopened = open_batch(session, batch.id)
        reopened.wait(60)
        batch.text = reopened.progress.text


def test_no_task_is_created_twice(batch):
    assert max(batch.created.values()) == 1


def test_no_request_is_sent_twice(batch):
    assert batch.size - batch.unconfirmed <= batch.calls <= batch.size


def test_every_job_has_ended(batch):
    assert set(batch.counts) <= {"saved", "failed", "rejected", "unconfirmed"}
    assert sum(batch.counts.values()) == batch.size


def test_only_requests_in_flight_at_the_crash_are_unconfirmed(batch):
    assert batch.counts["unconfirmed"] == batch.unconfirmed


def test_only_failed_and_rejected_jobs_have_no_result(batch):
    # Some of the unconfirmed ones would have failed.
    assert REJECTED + FAILED - batch.unconfirmed <= batch.unsuccessful <= REJECTED + FAILED
    assert batch.counts["saved"] == batch.size - batch.unsuccessful - batch.unconfirmed


def test_reopened_batch_shows_its_outcome(batch):
    counts = batch.counts
    parts = [
        f"{counts['saved']} saved",
        f"{counts['failed']} failed",
        f"{counts['rejected']} rejected",
    ]
    if batch.unconfirmed:
        parts.append(f"{batch.unconfirmed} unconfirmed (may be billed)")
    assert batch.text == f"{batch.size} tasks: {', '.join(parts)}"


def test_retry_repeats_only_failed_and_rejected_jobs(batch):
    before = batch.server.count("createTask")
    with closing(batch.open()) as session:
        reopened = open_batch(session, batch.id)
        assert reopened.retry() == batch.unsuccessful
        results = reopened.wait(60)
        assert [result is None for result in results].count(True) == batch.unconfirmed
        records = session.ledger.jobs_of_batch(batch.id)
        assert len(records) == batch.size + batch.unsuccessful, "earlier records remain"
    assert batch.server.count("createTask") == before + batch.unsuccessful
