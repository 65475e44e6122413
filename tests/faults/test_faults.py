"""Each fault against a real sandbox: what was sent, what is in the ledger, what the user reads."""

import json
import re
import urllib.request
from dataclasses import replace

import pytest
import stamina

from liangxin_nb import Session
from liangxin_nb.api import downloads
from liangxin_nb.errors import LiangxinError
from liangxin_nb.polling import PollSchedule
from liangxin_nb.results import read_metadata

from ..conftest import start_sandbox, wait_until
from .report import add_row
from .rows import ROWS

#: Waits a tenth of a second at most where the service asks for a pause.
PACE = PollSchedule(
    steps=((float("inf"), 0.03, 0.05),), poll_interval_s=0.01, create_period_s=0.2, max_block_s=0.1
)


@pytest.fixture(scope="module")
def faulty():
    """A sandbox of this module's own, whose faults are set from test to test."""
    served = start_sandbox("--speed", "40")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def no_faults_left(faulty):
    yield
    put(faulty, "")


@pytest.fixture(autouse=True)
def no_pauses_between_tries():
    """Requests and downloads are tried as often as ever, without pauses in between."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def connect(faulty, tmp_path):
    """Opens sessions on the sandbox and one results folder."""
    opened = []

    def session(**settings):
        settings = {"base_url": faulty.url, "key": faulty.key, "schedule": PACE, **settings}
        opened.append(Session(results=tmp_path / "r", **settings))
        return opened[-1]

    yield session
    for session_ in opened:
        session_.close()


def put(served, faults):
    """Put other faults in force."""
    names = [name.strip() for name in faults.split(",") if name.strip()]
    body = json.dumps({"faults": names}).encode()
    request = urllib.request.Request(f"{served.url}/sandbox/faults", data=body, method="PUT")
    urllib.request.urlopen(request).close()


def counted(served):
    """How often createTask was called so far, and how many tasks exist."""
    counters = served.counters()
    return counters["calls"].get("createTask", 0), counters["created"]


def message_at_the_end(job):
    """What the user reads when a job has ended; nothing when all is well."""
    try:
        job.wait(120)
    except LiangxinError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name or "none")
def test_fault_ends_as_promised(row, faulty, connect, monkeypatch, request):
    monkeypatch.setattr(downloads, "MAX_BYTES", 4 << 20)
    put(faulty, row.faults)
    before = counted(faulty)
    session = connect(timeout=row.timeout, patience=row.patience)
    job = session.generate("a lake", size="square", seed=7)
    if row.then:
        wait_until(lambda: job.task_id)
        put(faulty, row.then)
    message = message_at_the_end(job)
    put(faulty, "")
    calls, created = (now - then for now, then in zip(counted(faulty), before, strict=True))
    record = session.ledger.find(job.record.id)
    add_row(request.node, row.name, calls, created, job.status, record.status, message)

    seen = replace(row, calls=calls, created=created, outcome=job.status, status=record.status)
    assert seen == row
    assert re.search(row.says, message), message
    assert "\n" not in message
    assert list(session.results.root.glob(".incoming*")) == []
    if row.outcome == "saved":
        assert read_metadata(job.result.paths[0]).task_id == job.task_id
    elif record.is_resumable and "stall" not in row.faults:
        assert session.resume(job.task_id)[0].wait(60).task_id == job.task_id


def test_lost_result_can_be_asked_for_once_more(faulty, connect):
    session = connect()
    put(faulty, "file-404")
    job = session.generate("a lake", size="square")
    assert "link has expired" in message_at_the_end(job)
    put(faulty, "")
    assert session.resume(job.task_id)[0].wait(60).task_id == job.task_id
    assert session.ledger.find(job.task_id).status == "saved"


def test_port_without_a_server_means_that_nothing_was_sent(connect, request):
    session = connect(base_url="http://127.0.0.1:9")
    job = session.generate("a lake")
    message = message_at_the_end(job)
    status = session.ledger.find(job.record.id).status
    add_row(request.node, "(no server)", 0, 0, job.status, status, message)
    assert "Nothing was sent, nothing was billed" in message
    assert (job.status, status) == ("rejected", "rejected")


def test_many_jobs_together_keep_the_services_limits(faulty, connect):
    put(faulty, "limits")
    documented = PollSchedule()
    session = connect(schedule=replace(documented, steps=((float("inf"), 0.4, 0.5),)))
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(12)]
    assert [message_at_the_end(job) for job in jobs] == [""] * 12
    assert session.ledger.count_by_status() == {"saved": 12}
