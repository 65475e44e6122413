"""From the service's call to the kept result, and what a call cannot do."""

import json
import statistics
import subprocess
import sys
import threading
import time

import pytest

import liangxin_nb as lx
from liangxin_nb.callbacks.mailbox import Mailbox
from liangxin_nb.errors import StillRunning, TaskFailed

from ..conftest import FAST_PACE, start_sandbox, wait_until
from ..faults.test_faults import put
from .conftest import body, post

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faulty():
    served = start_sandbox("--speed", "20", LIANGXIN_SANDBOX_WEBHOOK_KEY="whk-sandbox")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def no_faults(request):
    yield
    if "faulty" in request.fixturenames:
        put(request.getfixturevalue("faulty"), "")


def ended_at(ticket, session):
    """When the service says that the task ended, in unix seconds."""
    told = [detail for _, what, detail in session.ledger.events(ticket) if what == "success"]
    return json.loads(told[0])["data"]["completeTime"] / 1000


def test_a_call_brings_the_result_long_before_polling_would(receiver, faulty, opened):
    session, took = opened(faulty), []
    for n in range(7):
        job = session.generate("a lake", size="square", seed=n)
        job.wait(30)
        took.append(time.time() - ended_at(job.ticket.id, session))
    print(f"\nfrom the task's end to the kept result: {[f'{s:.2f} s' for s in took]}")
    assert statistics.median(took) < 1.0
    assert session.ledger.count() == {"kept": 7}
    assert Mailbox().hints() == []


def test_polling_goes_on_when_the_call_is_lost(receiver, faulty, opened):
    put(faulty, "callback-lost")
    job = opened(faulty, FAST_PACE).generate("a lake", size="square")
    assert job.wait(20).task_id == job.task_id
    assert Mailbox().hints() == []


def test_a_call_that_comes_twice_and_a_call_about_failure_end_the_job_once(
    receiver, faulty, opened
):
    put(faulty, "callback-twice, fail:500*1")
    session = opened(faulty)
    with pytest.raises(TaskFailed, match="500"):
        session.generate("a lake", size="square").wait(20)
    session.generate("a lake", size="square").wait(20)
    assert session.ledger.count() == {"failed": 1, "kept": 1}


@pytest.mark.parametrize(
    ("fault", "outcome", "patience"), [("", "done", 30), ("callback-forged", "left", 8)]
)
def test_a_signed_call_is_heard_and_a_forged_one_is_not(
    monkeypatch, faulty, opened, fault, outcome, patience
):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", "whk-sandbox")
    put(faulty, fault)
    with lx.receive_callbacks():
        job = opened(faulty).generate("a lake", size="square")
        try:
            job.wait(patience)
        except StillRunning:
            job.leave()
        wait_until(lambda: job.status.over)
    assert job.state == outcome


def test_the_capability_stands_in_no_ledger_and_no_result(
    receiver, faulty, opened, monkeypatch, tmp_path
):
    granted, grant = [], Mailbox.grant
    monkeypatch.setattr(
        Mailbox, "grant", lambda *a, **k: granted.append(grant(*a, **k)) or granted[-1]
    )
    job = opened(faulty).generate("a lake", size="square")
    result = job.wait(20)
    (word,) = granted
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    assert [str(path) for path in files if word.encode() in path.read_bytes()] == []
    assert word not in f"{result!r} {job!r} {job.status!r} {result._repr_mimebundle_()}"


def test_hints_about_other_tasks_ask_nothing(receiver, faulty, opened, monkeypatch):
    put(faulty, "stall:generating")
    session = opened(faulty)
    urls = []
    open_ = type(session._called._line).open
    monkeypatch.setattr(
        type(session._called._line), "open",
        lambda *given: urls.append(open_(*given)) or urls[-1],
    )  # fmt: skip
    job = session.generate("a lake", size="square")
    wait_until(lambda: job.task_id)
    asked = faulty.counters()["calls"].get("recordInfo", 0)
    assert post(urls[0], body("task_other")) == 204
    assert post(urls[0], body(job.task_id)) == 204
    wait_until(lambda: faulty.counters()["calls"].get("recordInfo", 0) == asked + 1)
    job.leave()


def test_a_url_of_ones_own_is_passed_on_untouched_and_needs_no_mailbox(faulty, opened, own_mailbox):
    mine = "https://hooks.example/mine?x=1"
    session = opened(faulty, FAST_PACE)
    session.generate("a lake", size="square", callback=mine).wait(20)
    session.generate("a lake", size="square", callback=None).wait(20)
    assert mine in faulty.counters()["callbacks"]["elsewhere"]
    assert not own_mailbox.exists()


def flood(url, known, seconds, seen):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for word in (known, "x" * 43):
            status = post(f"{url}/liangxin/callback/{word}", body("task_x"))
            seen[status] = seen.get(status, 0) + 1


def test_as_many_calls_as_can_be_sent_harm_nothing(receiver, faulty, opened, own_mailbox):
    known = Mailbox().grant("victim", 60)
    seen, seconds = [{} for _ in range(4)], 10.0
    callers = [threading.Thread(target=flood, args=(receiver.url, known, seconds, s)) for s in seen]
    for caller in callers:
        caller.start()
    job = opened(faulty, FAST_PACE).generate("a lake", size="square")
    job.wait(30)
    for caller in callers:
        caller.join()
    total = {code: sum(s.get(code, 0) for s in seen) for code in {c for s in seen for c in s}}
    print(f"\n{sum(total.values()) / seconds:.0f} calls a second: {total}")
    assert set(total) <= {204, 404, 429}
    assert total[204] <= 20 + 2 * seconds + 2
    assert len(Mailbox().hints(ticket="victim")) == 1
    assert sum(path.stat().st_size for path in own_mailbox.iterdir()) < 200_000


def test_a_restarted_sandbox_calls_each_task_once(receiver, tmp_path):
    box, state = Mailbox(), tmp_path / "state"
    urls = [f"{receiver.url}/liangxin/callback/{box.grant(f't{n}', 60)}" for n in range(2)]
    task_ids = []
    from ..sandbox.test_server import call

    for url, speed in ((urls[0], "50"), (urls[1], "3")):
        served = start_sandbox("--speed", speed, "--state", str(state))
        wish = {"model": "z-image", "callBackUrl": url, "input": {"prompt": "a lake"}}
        status, told = call(f"{served.url}/api/v1/jobs/createTask", wish)
        assert status == 200
        task_ids.append(told["data"]["taskId"])
        if url == urls[0]:
            wait_until(lambda: (state / "called.jsonl").exists())
        served.process.kill()
        served.stop()
    assert [hint.task_id for hint in box.hints()] == task_ids[:1]
    served = start_sandbox("--speed", "3", "--state", str(state))
    wait_until(lambda: len(box.hints()) == 2)
    wait_until(lambda: served.counters()["callbacks"]["calls"] == {"204": 1})
    assert [hint.task_id for hint in box.hints()] == task_ids
    served.stop()


def test_an_empty_callback_is_none_and_an_odd_one_is_refused(sandbox):
    from ..sandbox.test_server import call

    wish = {"model": "z-image", "input": {"prompt": "a lake"}}
    api = f"{sandbox.url}/api/v1/jobs/createTask"
    assert call(api, {**wish, "callBackUrl": ""})[0] == 200
    assert call(api, {**wish, "callBackUrl": 7})[0] == 400
    far = {**wish, "callBackUrl": "http://10.9.8.7/liangxin/callback/secret-word"}
    assert call(api, far)[0] == 200
    told = sandbox.counters()["callbacks"]["elsewhere"]
    assert "http://10.9.8.7/liangxin/callback/..." in told


def test_a_light_kernel_loads_no_web_server(tmp_path):
    code = (
        "import sys\nfrom liangxin_nb.callbacks import Line\n"
        "print([n for n in ('tornado.web', 'jupyter_server') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
