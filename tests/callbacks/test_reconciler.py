"""An unconfirmed job is confirmed by a callback, and only by its own task."""

import os
import shutil
import subprocess
import sys

import pytest

import liangxin_nb as lx
from liangxin_nb.callbacks.hint_store import HintStore
from liangxin_nb.core.request import Request
from liangxin_nb.errors import APIConnectionError
from liangxin_nb.ledger import Ledger
from liangxin_nb.results import read_metadata

from ..conftest import FAST_PACE, start_sandbox, wait_until
from ..sandbox.test_app import call
from .conftest import count_creates, subtract

uses_lossy_sandbox = pytest.mark.xdist_group("sandbox that loses answers")


@pytest.fixture(scope="module")
def module_sandbox():
    served = start_sandbox("--speed", "20")
    yield served
    served.stop()


@pytest.fixture
def faulty(module_sandbox):
    """A sandbox; a test can set its faults."""
    yield module_sandbox
    module_sandbox.set_faults()


@uses_lossy_sandbox
@pytest.mark.parametrize("fault", ["create-lost", "create-half", "create-created-500"])
def test_lost_response_is_recovered_by_the_callback(callback_server, faulty, open_session, fault):
    before = count_creates(faulty)
    faulty.set_faults(f"{fault}*1")
    session = open_session(faulty)
    statuses = []
    job = session.generate("雨夜的咖啡馆", size="square")
    job.watch(lambda update: statuses.append(update.record.status))
    result = job.wait(120)
    assert subtract(count_creates(faulty), before) == [1, 1]
    assert statuses.index("unconfirmed") < statuses.index("submitted")
    record = session.ledger.find(job.record.id)
    assert (record.status, record.task_id, record.reason) == ("saved", result.task_id, "")
    assert read_metadata(result.paths[0]).task_id == result.task_id
    events = [event for _, event, _ in session.ledger.events(record.id)]
    states = ("submitting", "unconfirmed", "found", "saved")
    assert [event for event in events if event in states] == [
        "submitting", "unconfirmed", "found", "saved",
    ]  # fmt: skip


def create_other_task(faulty, prompt="something else"):
    payload = {"model": "z-image", "input": {"prompt": prompt}}
    return call(f"{faulty.url}/api/v1/jobs/createTask", payload)[1]["data"]["taskId"]


@uses_lossy_sandbox
def test_claims_for_other_tasks_are_not_accepted(faulty, open_session):
    """Neither another request's task, an unknown task, nor the task of another job."""
    session = open_session(faulty, FAST_PACE, callback="")
    other_job = session.generate("a lake", size="square")
    other_job.wait(120)
    faulty.set_faults("create-lost", "callback-lost")
    job = session.generate("a lake", size="square")
    with pytest.raises(APIConnectionError):
        job.wait(120)
    faulty.set_faults()
    for claim in (create_other_task(faulty), "task_unknown", other_job.task_id):
        HintStore().add_hint(job.record.id, claim)
    assert session.resume() == []
    assert session.ledger.find(job.record.id).status == "unconfirmed"
    assert "unconfirmed" in repr([row.label for row in session.audit()])


@uses_lossy_sandbox
def test_job_without_a_callback_ends_unconfirmed(callback_server, faulty, open_session):
    faulty.set_faults("create-lost", "callback-lost")
    session = open_session(faulty, patience=0.5)
    job = session.generate("a lake", size="square")
    with pytest.raises(APIConnectionError, match="may be billed"):
        job.wait(120)
    assert (job.status, session.ledger.find(job.record.id).status) == ("unconfirmed", "unconfirmed")


@uses_lossy_sandbox
def test_job_detached_while_waiting_for_a_callback_ends_unconfirmed(
    callback_server, faulty, open_session
):
    faulty.set_faults("create-lost", "callback-lost")
    session, before = open_session(faulty), count_creates(faulty)
    job = session.generate("a lake", size="square")
    wait_until(lambda: count_creates(faulty) != before)
    job.detach()
    wait_until(lambda: job.status == "unconfirmed")
    assert "may be billed" in str(job.last_update.error)


KERNEL = """
import sys
from liangxin_nb import Session
session = Session(base_url=sys.argv[1], results=sys.argv[2], callback="auto")
job = session.generate("a lake", size="square")
print(job.record.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def killed_kernel(module_sandbox, tmp_path_factory):
    """A kernel that was killed during createTask; the callback arrived after that.

    Returns the id of its job, and the folder with the hint store and the results.
    """
    folder, before = tmp_path_factory.mktemp("killed"), count_creates(module_sandbox)
    module_sandbox.set_faults("create-slow:600")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANGXIN_CALLBACKS", str(folder / "callbacks"))
        with lx.CallbackServer() as server:
            env = {**os.environ, "LIANGXIN_API_KEY": module_sandbox.key,
                   "LIANGXIN_CALLBACK_BASE": server.url}  # fmt: skip
            command = [sys.executable, "-c", KERNEL, module_sandbox.url, str(folder / "results")]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with subprocess.Popen(command, **pipes, env=env) as kernel:
                job_id = kernel.stdout.readline().strip()
                wait_until(lambda: subtract(count_creates(module_sandbox), before) == [1, 1])
                kernel.kill()
            wait_until(lambda: HintStore().list_hints(job_id=job_id))
    module_sandbox.set_faults()
    return job_id, folder


@uses_lossy_sandbox
@pytest.mark.parametrize("by", ["resume", "id", "doctor"])
def test_callback_without_a_running_kernel_is_used_after_a_restart(
    killed_kernel, faulty, open_session, tmp_path, by
):
    job_id, folder = killed_kernel
    for name in ("callbacks", "results"):
        shutil.copytree(folder / name, tmp_path / name)
    calls = count_creates(faulty)
    session = open_session(faulty, FAST_PACE, callback="")
    assert session.ledger.find(job_id).status == "submitting"
    if by == "doctor":
        assert [row.label for row in session.audit()] == ["waiting to be collected"]
    (job,) = session.resume(job_id if by == "id" else "")
    assert job.record.id == job_id
    job.wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}
    assert count_creates(faulty) == calls, "no task is created again"


def test_two_unconfirmed_jobs_cannot_have_the_same_task(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    records = [ledger.create(Request("z-image", "a lake"), "kie", "https://x") for _ in range(2)]
    unconfirmed = [ledger.update(t, "unconfirmed", status="unconfirmed") for t in records]
    assert ledger.confirm_lost(unconfirmed[0], "task_1").status == "submitted"
    assert ledger.confirm_lost(unconfirmed[0], "task_1") is None
    assert ledger.confirm_lost(unconfirmed[1], "task_1") is None
    assert ledger.find(unconfirmed[1].id).status == "unconfirmed"
