"""Each fault with a real sandbox: requests, ledger and error message."""

import json
import re
import urllib.request
from dataclasses import replace

import pytest
import stamina

from liangxin_nb import Session
from liangxin_nb.api import downloads
from liangxin_nb.engine import output_fetcher
from liangxin_nb.errors import LiangxinError
from liangxin_nb.polling import PollSchedule
from liangxin_nb.results import read_metadata

from ..conftest import start_sandbox, wait_until
from .report import add_row
from .rows import ROWS

#: Waits at most a tenth of a second when the service asks for a pause.
SCHEDULE = PollSchedule(
    steps=((float("inf"), 0.03, 0.05),), poll_interval_s=0.01, create_period_s=0.2, max_block_s=0.1
)


@pytest.fixture(scope="module")
def faulty():
    """A sandbox for this module; each test sets its faults."""
    served = start_sandbox("--speed", "40")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def reset_faults(faulty):
    yield
    set_faults(faulty, "")


@pytest.fixture(autouse=True)
def retry_without_pauses(monkeypatch):
    """Requests and downloads are repeated as often as usual, but without pauses."""
    monkeypatch.setattr(output_fetcher, "PATIENCE_S", 0.0)
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def connect(faulty, tmp_path):
    """Opens sessions on the sandbox with one results folder."""
    sessions = []

    def connect(**settings):
        settings = {"base_url": faulty.url, "key": faulty.key, "schedule": SCHEDULE, **settings}
        sessions.append(Session(results=tmp_path / "r", **settings))
        return sessions[-1]

    yield connect
    for session in sessions:
        session.close()


def set_faults(served, faults):
    """Replace the faults of a sandbox."""
    names = [name.strip() for name in faults.split(",") if name.strip()]
    body = json.dumps({"faults": names}).encode()
    request = urllib.request.Request(f"{served.url}/sandbox/faults", data=body, method="PUT")
    urllib.request.urlopen(request).close()


def count_creates(served):
    """Return the number of createTask requests and of tasks so far."""
    counters = served.counters()
    return counters["calls"].get("createTask", 0), counters["created"]


def wait_for_message(job):
    """Wait for a job, and return its error message; empty if it succeeds."""
    try:
        job.wait(120)
    except LiangxinError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name or "none")
def test_fault_ends_as_promised(row, faulty, connect, monkeypatch, request):
    monkeypatch.setattr(downloads, "MAX_BYTES", 4 << 20)
    set_faults(faulty, row.faults)
    before = count_creates(faulty)
    session = connect(timeout=row.timeout, patience=row.patience)
    job = session.generate("a lake", size="square", seed=7)
    if row.then:
        wait_until(lambda: job.task_id)
        set_faults(faulty, row.then)
    message = wait_for_message(job)
    set_faults(faulty, "")
    calls, created = (
        after - start for after, start in zip(count_creates(faulty), before, strict=True)
    )
    record = session.ledger.find(job.record.id)
    add_row(request.node, row.name, calls, created, job.status, record.status, message)

    actual = replace(row, calls=calls, created=created, outcome=job.status, status=record.status)
    assert actual == row
    assert re.search(row.message, message), message
    assert "\n" not in message
    assert list(session.results.root.glob(".incoming*")) == []
    if row.outcome == "saved":
        assert job.result.metadata.task_id == job.task_id
        for path in job.result.image_paths:
            assert read_metadata(path).task_id == job.task_id
    elif record.is_resumable and "stall" not in row.faults:
        assert session.resume(job.task_id)[0].wait(60).task_id == job.task_id


def test_lost_result_can_be_collected_again(faulty, connect):
    session = connect()
    set_faults(faulty, "file-404")
    job = session.generate("a lake", size="square")
    assert "link has expired" in wait_for_message(job)
    set_faults(faulty, "")
    assert session.resume(job.task_id)[0].wait(60).task_id == job.task_id
    assert session.ledger.find(job.task_id).status == "saved"


def test_refused_connection_means_that_nothing_was_sent(connect, request):
    session = connect(base_url="http://127.0.0.1:9")
    job = session.generate("a lake")
    message = wait_for_message(job)
    status = session.ledger.find(job.record.id).status
    add_row(request.node, "(no server)", 0, 0, job.status, status, message)
    assert "Nothing was sent, nothing was billed" in message
    assert (job.status, status) == ("rejected", "rejected")


def test_many_jobs_stay_within_the_limits_of_the_service(faulty, connect):
    set_faults(faulty, "limits")
    documented = PollSchedule()
    session = connect(schedule=replace(documented, steps=((float("inf"), 0.4, 0.5),)))
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(12)]
    assert [wait_for_message(job) for job in jobs] == [""] * 12
    assert session.ledger.count_by_status() == {"saved": 12}
