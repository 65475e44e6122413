"""Each fault against a real sandbox: one prompt, what was sent, what is told, what is written."""

import json
import re
import urllib.request
from contextlib import suppress

import pytest

from liangxin_nb.client import download
from liangxin_nb.errors import LiangxinError
from liangxin_nb.results import story
from liangxin_nb.session import Session

from ..conftest import FAST_PACE, start_sandbox
from .rows import ROWS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faulty():
    """A sandbox of this module's own, whose faults are set from test to test."""
    served = start_sandbox("--speed", "20")
    yield served
    served.stop()


def put(served, faults):
    names = [name.strip() for name in faults.split(",") if name.strip()]
    body = json.dumps({"faults": names}).encode()
    request = urllib.request.Request(f"{served.url}/sandbox/faults", data=body, method="PUT")
    urllib.request.urlopen(request).close()


def counted(served):
    told = served.counters()
    return told["calls"].get("createTask", 0), told["created"]


def ended(job):
    """How a job ended: what the user reads, or nothing when all is well."""
    try:
        job.wait(60)
    except LiangxinError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name or "none")
def test_nothing_is_paid_twice_and_the_truth_is_told(row, faulty, tmp_path, monkeypatch, table):
    monkeypatch.setattr(download, "LARGEST", 4 << 20)
    put(faulty, row.faults)
    before = counted(faulty)
    session = Session(
        base_url=faulty.url,
        key=faulty.key,
        results=tmp_path / "r",
        pace=FAST_PACE,
        timeout=row.timeout,
        patience=row.patience,
    )
    job = session.generate("a lake", size="square", seed=7)
    if row.then:
        while not job.task_id:
            job.watch(lambda _: None)
        put(faulty, row.then)
    says = ended(job)
    put(faulty, "")
    calls, created = (now - then for now, then in zip(counted(faulty), before, strict=True))
    ticket = session.ledger.find(job.ticket.id)
    table.append((row.name, calls, created, job.state, ticket.fate, says))

    assert (calls, created) == (row.calls, row.created)
    assert job.state == row.outcome
    assert ticket.fate == row.fate
    assert re.search(row.says, says), says
    assert "\n" not in says
    assert [path.name for path in session.results.root.glob(".incoming*")] == []
    if row.outcome == "done":
        assert story(job.result.paths[0]).task_id == job.task_id
    elif ticket.task_id and row.fate in ("accepted", "succeeded") and "stall" not in row.faults:
        assert session.resume(job.task_id)[0].wait(30).task_id == job.task_id
    session.close()


def test_a_lost_result_can_be_asked_for_once_more(faulty, tmp_path):
    session = Session(base_url=faulty.url, key=faulty.key, results=tmp_path / "r", pace=FAST_PACE)
    put(faulty, "file-404")
    job = session.generate("a lake", size="square")
    assert "link is dead" in ended(job)
    put(faulty, "")
    assert session.resume(job.task_id)[0].wait(30).task_id == job.task_id
    assert session.ledger.find(job.task_id).fate == "kept"


def test_nobody_listens_and_the_ledger_says_that_nothing_was_sent(tmp_path, table):
    served = start_sandbox()
    served.stop()
    session = Session(base_url=served.url, key=served.key, results=tmp_path / "r", pace=FAST_PACE)
    job = session.generate("a lake")
    says = ended(job)
    fate = session.ledger.find(job.ticket.id).fate
    table.append(("(nobody listens)", 0, 0, job.state, fate, says))
    assert "Nothing was sent, nothing was billed" in says
    assert (job.state, session.ledger.count()) == ("refused", {"refused": 1})


def test_the_vendors_limits_are_kept_by_many_jobs_together(tmp_path):
    served = start_sandbox("--speed", "20", "--faults", "limits")
    try:
        session = Session(base_url=served.url, key=served.key, results=tmp_path / "r")
        jobs = [session.generate("a lake", size="square", seed=n) for n in range(12)]
        for job in jobs:
            with suppress(LiangxinError):
                job.wait(60)
        assert session.ledger.count() == {"kept": 12}
    finally:
        served.stop()
