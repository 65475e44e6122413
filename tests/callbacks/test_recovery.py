"""A create whose answer was lost is found again by the service's call, and by nothing less."""

import os
import signal
import subprocess
import sys

import pytest

import liangxin_nb as lx
from liangxin_nb.callbacks.mailbox import Mailbox
from liangxin_nb.errors import Unreachable
from liangxin_nb.ledger import Ledger
from liangxin_nb.request import Request
from liangxin_nb.results import story

from ..conftest import FAST_PACE, start_sandbox, wait_until
from ..faults.test_faults import counted, put
from ..sandbox.test_server import call

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faulty():
    served = start_sandbox("--speed", "20")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def no_faults(faulty):
    yield
    put(faulty, "")


@pytest.mark.parametrize("fault", ["create-lost", "create-half", "create-created-500"])
def test_a_lost_answer_is_made_good_by_the_call(receiver, faulty, opened, fault):
    before = counted(faulty)
    put(faulty, f"{fault}*1")
    session = opened(faulty)
    fates = []
    job = session.generate("雨夜的咖啡馆", size="square")
    job.watch(lambda status: fates.append(status.ticket.fate))
    result = job.wait(30)
    assert [now - then for now, then in zip(counted(faulty), before, strict=True)] == [1, 1]
    assert fates.index("unknown") < fates.index("accepted")
    ticket = session.ledger.find(job.ticket.id)
    assert (ticket.fate, ticket.task_id, ticket.reason) == ("kept", result.task_id, "")
    assert story(result.paths[0]).task_id == result.task_id
    whats = [what for _, what, _ in session.ledger.events(ticket.id)]
    assert [w for w in whats if w in ("sent", "unknown", "found", "kept")] == [
        "sent", "unknown", "found", "kept",
    ]  # fmt: skip


def other_task(faulty, prompt="something else"):
    wish = {"model": "z-image", "input": {"prompt": prompt}}
    return call(f"{faulty.url}/api/v1/jobs/createTask", wish)[1]["data"]["taskId"]


def test_a_caller_is_not_believed(faulty, opened):
    """Another request's task, a task nobody knows, and one that is another ticket's."""
    session = opened(faulty, FAST_PACE, callback="")
    twin = session.generate("a lake", size="square")
    twin.wait(20)
    put(faulty, "create-lost, callback-lost")
    job = session.generate("a lake", size="square")
    with pytest.raises(Unreachable):
        job.wait(20)
    put(faulty, "")
    for claim in (other_task(faulty), "task_nobody", twin.task_id):
        Mailbox().put(job.ticket.id, claim)
    assert session.resume() == []
    assert session.ledger.find(job.ticket.id).fate == "unknown"
    assert "unknown" in repr([finding.what for finding in session.examine()])


def test_without_a_call_the_job_ends_as_unknown(receiver, faulty, opened):
    put(faulty, "create-lost, callback-lost")
    session = opened(faulty, patience=1.0)
    job = session.generate("a lake", size="square")
    with pytest.raises(Unreachable, match="may be billed"):
        job.wait(20)
    assert (job.state, session.ledger.find(job.ticket.id).fate) == ("unknown", "unknown")
    patient = opened(faulty)
    left = patient.generate("a lake", size="square")
    wait_until(lambda: patient.ledger.find(left.ticket.id).fate != "intent")
    left.leave()
    with pytest.raises(Unreachable, match="may be billed"):
        left.wait(20)


@pytest.mark.parametrize("by", ["resume", "id", "doctor"])
def test_a_hint_that_came_while_nobody_was_there_is_used_after_a_restart(
    faulty, opened, tmp_path, by
):
    """The kernel is killed before the answer, the call comes, another kernel asks."""
    put(faulty, "create-slow:6")
    before = counted(faulty)
    code = (
        "import sys, time\nimport liangxin_nb as lx\n"
        "from liangxin_nb.session import Session\n"
        "session = Session(base_url=sys.argv[1], results=sys.argv[2], callback='auto')\n"
        "job = session.generate('a lake', size='square')\n"
        "print(job.ticket.id, flush=True)\ntime.sleep(60)\n"
    )
    with lx.receive_callbacks() as receiver:
        env = {**os.environ, "LIANGXIN_API_KEY": faulty.key,
               "LIANGXIN_CALLBACK_BASE": receiver.url}  # fmt: skip
        command = [sys.executable, "-c", code, faulty.url, str(tmp_path / "results")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
            ticket = process.stdout.readline().strip()
            wait_until(lambda: counted(faulty)[1] == before[1] + 1)
            os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: Mailbox().hints(ticket=ticket))
    put(faulty, "")
    session = opened(faulty, FAST_PACE, callback="")
    assert session.ledger.find(ticket).fate == "sent"
    if by == "doctor":
        assert [finding.what for finding in session.examine()] == ["waiting to be collected"]
    (job,) = session.resume(ticket if by == "id" else "")
    assert job.ticket.id == ticket
    job.wait(20)
    assert session.ledger.count() == {"kept": 1}
    assert [now - then for now, then in zip(counted(faulty), before, strict=True)] == [1, 1]


def test_two_lost_tickets_cannot_have_the_same_task(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    tickets = [ledger.intend(Request("z-image", "a lake"), "kie", "https://x") for _ in range(2)]
    lost = [ledger.change(t, "unknown", fate="unknown") for t in tickets]
    assert ledger.found(lost[0], "task_1").fate == "accepted"
    assert ledger.found(lost[0], "task_1") is None
    assert ledger.found(lost[1], "task_1") is None
    assert ledger.find(lost[1].id).fate == "unknown"
