"""A create whose answer was lost is found again by the service's call, and by nothing less."""

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
from .conftest import created, more, set_faults

recovering = pytest.mark.xdist_group("sandbox that loses answers")


@pytest.fixture(scope="module")
def module_sandbox():
    served = start_sandbox("--speed", "20")
    yield served
    served.stop()


@pytest.fixture
def faulty(module_sandbox):
    """A sandbox whose faults a test may set."""
    yield module_sandbox
    set_faults(module_sandbox)


@recovering
@pytest.mark.parametrize("fault", ["create-lost", "create-half", "create-created-500"])
def test_a_lost_answer_is_made_good_by_the_call(receiver, faulty, opened, fault):
    before = created(faulty)
    set_faults(faulty, f"{fault}*1")
    session = opened(faulty)
    fates = []
    job = session.generate("雨夜的咖啡馆", size="square")
    job.watch(lambda update: fates.append(update.record.status))
    result = job.wait(120)
    assert more(created(faulty), before) == [1, 1]
    assert fates.index("unconfirmed") < fates.index("submitted")
    record = session.ledger.find(job.record.id)
    assert (record.status, record.task_id, record.reason) == ("saved", result.task_id, "")
    assert read_metadata(result.paths[0]).task_id == result.task_id
    whats = [what for _, what, _ in session.ledger.events(record.id)]
    assert [w for w in whats if w in ("submitting", "unconfirmed", "found", "saved")] == [
        "submitting", "unconfirmed", "found", "saved",
    ]  # fmt: skip


def other_task(faulty, prompt="something else"):
    wish = {"model": "z-image", "input": {"prompt": prompt}}
    return call(f"{faulty.url}/api/v1/jobs/createTask", wish)[1]["data"]["taskId"]


@recovering
def test_a_caller_is_not_believed(faulty, opened):
    """Not about another request's task, an unknown task, and one that another job record has."""
    session = opened(faulty, FAST_PACE, callback="")
    twin = session.generate("a lake", size="square")
    twin.wait(120)
    set_faults(faulty, "create-lost", "callback-lost")
    job = session.generate("a lake", size="square")
    with pytest.raises(APIConnectionError):
        job.wait(120)
    set_faults(faulty)
    for claim in (other_task(faulty), "task_unknown", twin.task_id):
        HintStore().put(job.record.id, claim)
    assert session.resume() == []
    assert session.ledger.find(job.record.id).status == "unconfirmed"
    assert "unconfirmed" in repr([row.label for row in session.audit()])


@recovering
def test_without_a_call_the_job_ends_as_unknown(receiver, faulty, opened):
    set_faults(faulty, "create-lost", "callback-lost")
    session = opened(faulty, patience=0.5)
    job = session.generate("a lake", size="square")
    with pytest.raises(APIConnectionError, match="may be billed"):
        job.wait(120)
    assert (job.status, session.ledger.find(job.record.id).status) == ("unconfirmed", "unconfirmed")


@recovering
def test_a_job_that_is_left_while_it_waits_for_the_call_ends_as_unknown(receiver, faulty, opened):
    set_faults(faulty, "create-lost", "callback-lost")
    session = opened(faulty)
    job = session.generate("a lake", size="square")
    wait_until(lambda: session.ledger.find(job.record.id).status != "pending")
    job.detach()
    with pytest.raises(APIConnectionError, match="may be billed"):
        job.wait(120)


KERNEL = """
import sys
from liangxin_nb import Session
session = Session(base_url=sys.argv[1], results=sys.argv[2], callback="auto")
job = session.generate("a lake", size="square")
print(job.record.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def killed(module_sandbox, tmp_path_factory):
    """What a kernel left that was killed while createTask was answered; the call came after that.

    Its job record, and its folder with the mailbox and the results.
    """
    place, before = tmp_path_factory.mktemp("killed"), created(module_sandbox)
    set_faults(module_sandbox, "create-slow:600")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANGXIN_CALLBACKS", str(place / "mailbox"))
        with lx.CallbackServer() as receiver:
            env = {**os.environ, "LIANGXIN_API_KEY": module_sandbox.key,
                   "LIANGXIN_CALLBACK_BASE": receiver.url}  # fmt: skip
            command = [sys.executable, "-c", KERNEL, module_sandbox.url, str(place / "results")]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with subprocess.Popen(command, **pipes, env=env) as kernel:
                ticket = kernel.stdout.readline().strip()
                wait_until(lambda: more(created(module_sandbox), before) == [1, 1])
                kernel.kill()
            wait_until(lambda: HintStore().hints(ticket=ticket))
    set_faults(module_sandbox)
    return ticket, place


@recovering
@pytest.mark.parametrize("by", ["resume", "id", "doctor"])
def test_a_call_that_came_while_no_kernel_was_there_is_used_after_a_restart(
    killed, faulty, opened, tmp_path, by
):
    ticket, place = killed
    for name in ("mailbox", "results"):
        shutil.copytree(place / name, tmp_path / name)
    calls = created(faulty)
    session = opened(faulty, FAST_PACE, callback="")
    assert session.ledger.find(ticket).status == "submitting"
    if by == "doctor":
        assert [row.label for row in session.audit()] == ["waiting to be collected"]
    (job,) = session.resume(ticket if by == "id" else "")
    assert job.record.id == ticket
    job.wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}
    assert created(faulty) == calls, "nothing is created again"


def test_two_lost_records_cannot_have_the_same_task(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    records = [ledger.create(Request("z-image", "a lake"), "kie", "https://x") for _ in range(2)]
    lost = [ledger.update(t, "unconfirmed", status="unconfirmed") for t in records]
    assert ledger.confirm_lost(lost[0], "task_1").status == "submitted"
    assert ledger.confirm_lost(lost[0], "task_1") is None
    assert ledger.confirm_lost(lost[1], "task_1") is None
    assert ledger.find(lost[1].id).status == "unconfirmed"
