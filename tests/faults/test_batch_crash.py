"""`kill -9` in the middle of a batch: two processes take it up, and nothing is sent twice."""

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
from liangxin_nb.ledger import Ledger

from ..conftest import wait_until
from ..processes import kill, running
from ..task_server import KEY, PACE, TaskServer, answer
from .worker import go_on_with_a_batch

pytestmark = pytest.mark.slow
REFUSED, FAILED = 3, 6  # of the requests that arrive, the first ones


@dataclass
class Batch:
    """A batch that was killed and taken up: what became of it.

    Attributes:
        unknown: Requests that were on their way when the process was killed.
        counts: Job records of each status in the ledger.
        created: Each prompt and seed, and how often the service created it.
        calls: How often createTask was called.
        text: How the batch describes itself when it is opened once more.
    """

    server: TaskServer
    results: Path
    id: str
    size: int
    unknown: int = 0
    counts: Counter = None
    created: Counter = None
    calls: int = 0
    text: str = ""

    @property
    def troubles(self):
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
        pytest.param((24, True), marks=pytest.mark.xdist_group("crash-amid"), id="amid"),
    ],
)
def batch(request, tmp_path_factory):
    """A batch killed between two requests or amid some, and taken up by two processes at once."""
    size, amid_requests = request.param
    with closing(TaskServer()) as server:
        made = Batch(server, tmp_path_factory.mktemp("batch"), "", size)
        refuse_some_and_let_some_fail(server)
        if amid_requests:
            kill_amid_requests(made)
        else:
            kill_between_requests(made)
        take_up(made)
        yield made


def refuse_some_and_let_some_fail(server):
    arrived = itertools.count()

    def hook(task_id):
        number = next(arrived)
        if number < REFUSED:
            server.forget(task_id)
            return answer(422, code=422, msg="The prompt was rejected by the moderation.")
        if number < REFUSED + FAILED:
            server.lasts[task_id] = "fail"
        return None

    server.hooks["createTask"] = hook


def kill_between_requests(batch):
    """Kill it when as many tasks as it may have at once are at work, and none is being sent."""
    server, half = batch.server, batch.size // 2
    usual, arrived = server.hooks["createTask"], itertools.count(1)

    def hold_tasks_of_the_second_half(task_id):
        if next(arrived) > half:
            server.lasts.setdefault(task_id, "generating")
        return usual(task_id)

    def all_are_at_work():
        sent = server.count("createTask") == half + CONCURRENCY
        return sent and batch.ledger.count_by_status().get("submitted") == CONCURRENCY

    server.hooks["createTask"] = hold_tasks_of_the_second_half
    with running(go_on_with_a_batch, server.url, batch.results, batch.size) as (process, pipe):
        batch.id = pipe.recv()
        assert sum(batch.ledger.count_by_status().values()) == batch.size, (
            "all were written at first"
        )
        wait_until(all_are_at_work, deadline=180)
        kill(process)
    assert batch.ledger.count_by_status()["pending"] == half - CONCURRENCY
    server.hooks["createTask"] = usual
    server.lasts = {id: last for id, last in server.lasts.items() if last == "fail"}


def kill_amid_requests(batch):
    """Kill it when a request in its second half has arrived and is not answered."""
    server, fatal = batch.server, batch.size * 2 // 3
    usual, arrived = server.hooks["createTask"], itertools.count(1)
    named = threading.Event()

    def kill_at_arrival(task_id):
        if next(arrived) == fatal:
            named.wait(60)
            kill(process)
        return usual(task_id)

    server.hooks["createTask"] = kill_at_arrival
    with running(go_on_with_a_batch, server.url, batch.results, batch.size) as (process, pipe):
        batch.id = pipe.recv()
        named.set()
        process.join()
    server.hooks["createTask"] = usual
    batch.unknown = batch.ledger.count_by_status()["submitting"]
    assert batch.unknown > 0


def take_up(batch):
    """Two processes take it up at once: of each job record one of them is the quicker."""
    arguments = (batch.server.url, batch.results, batch.size, batch.id)
    with (
        running(go_on_with_a_batch, *arguments) as (_, one),
        running(go_on_with_a_batch, *arguments) as (_, other),
    ):
        for pipe in (one, other):
            assert (pipe.recv(), pipe.recv()) == (batch.id, "saved")
    batch.counts = Counter(batch.ledger.count_by_status())
    given = [body["input"] for body in batch.server.bodies.values()]
    batch.created = Counter((one["prompt"], one["seed"]) for one in given)
    batch.calls = batch.server.count("createTask")
    with closing(batch.open()) as session:
        opened = open_batch(session, batch.id)
        opened.wait(60)
        batch.text = opened.progress.text


def test_nothing_is_created_twice(batch):
    assert max(batch.created.values()) == 1


def test_nothing_is_sent_twice(batch):
    assert batch.size - batch.unknown <= batch.calls <= batch.size


def test_every_record_has_come_to_an_end(batch):
    assert set(batch.counts) <= {"saved", "failed", "rejected", "unconfirmed"}
    assert sum(batch.counts.values()) == batch.size


def test_only_requests_on_their_way_at_the_crash_are_unknown(batch):
    assert batch.counts["unconfirmed"] == batch.unknown


def test_only_what_the_service_failed_or_rejected_has_no_result(batch):
    # Of the unknown ones some would have failed.
    assert REFUSED + FAILED - batch.unknown <= batch.troubles <= REFUSED + FAILED
    assert batch.counts["saved"] == batch.size - batch.troubles - batch.unknown


def test_opened_batch_says_what_became_of_it(batch):
    counts = batch.counts
    parts = [
        f"{counts['saved']} saved",
        f"{counts['failed']} failed",
        f"{counts['rejected']} rejected",
    ]
    if batch.unknown:
        parts.append(f"{batch.unknown} unconfirmed (may be billed)")
    assert batch.text == f"{batch.size} tasks: {', '.join(parts)}"


def test_retry_asks_again_only_for_what_failed_or_was_rejected(batch):
    before = batch.server.count("createTask")
    with closing(batch.open()) as session:
        opened = open_batch(session, batch.id)
        assert opened.retry() == batch.troubles
        results = opened.wait(60)
        assert [result is None for result in results].count(True) == batch.unknown
        records = session.ledger.jobs_of_batch(batch.id)
        assert len(records) == batch.size + batch.troubles, "old tickets stay"
    assert batch.server.count("createTask") == before + batch.troubles
