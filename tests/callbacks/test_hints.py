"""From the service's call to the kept result, and what a call cannot do."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

import liangxin_nb as lx
from liangxin_nb.callbacks.channel import CallbackChannel
from liangxin_nb.callbacks.hint_store import HintStore
from liangxin_nb.errors import TaskFailedError
from liangxin_nb.sandbox import webhooks
from liangxin_nb.sandbox.state import SandboxState
from liangxin_nb.sandbox.webhooks import WebhookSender

from .. import virtual_time
from ..conftest import FAST_PACE, start_sandbox, wait_until
from ..sandbox.test_app import call
from ..scan import KEY
from .conftest import body, post, set_faults

#: How many calls each of four callers makes with a known and with an unknown address.
CALLS = int(os.environ.get("LIANGXIN_CALLS", "60"))
calling_sandbox = pytest.mark.xdist_group("sandbox that calls back")


@pytest.fixture(scope="module")
def module_sandbox():
    served = start_sandbox("--speed", "20", LIANGXIN_SANDBOX_WEBHOOK_KEY="whk-sandbox")
    yield served
    served.stop()


@pytest.fixture
def faulty(module_sandbox):
    """A sandbox that signs its calls, and whose faults a test may set."""
    yield module_sandbox
    set_faults(module_sandbox)


@calling_sandbox
def test_a_call_brings_a_result_without_waiting_for_polling(receiver, faulty, opened):
    session = opened(faulty)
    before = faulty.counters()["calls"].get("recordInfo", 0)
    session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}
    assert faulty.counters()["calls"]["recordInfo"] == before + 1, "only after the call"
    assert HintStore().hints() == []


@calling_sandbox
def test_polling_goes_on_when_the_call_is_lost(receiver, faulty, opened):
    set_faults(faulty, "callback-lost")
    job = opened(faulty, FAST_PACE).generate("a lake", size="square")
    assert job.wait(120).task_id == job.task_id
    assert HintStore().hints() == []


@calling_sandbox
def test_a_call_that_comes_twice_ends_the_job_once(receiver, faulty, opened):
    set_faults(faulty, "callback-twice")
    session = opened(faulty)
    session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}


@calling_sandbox
def test_a_call_about_a_failed_task_ends_the_job(receiver, faulty, opened):
    set_faults(faulty, "fail:500")
    session = opened(faulty)
    with pytest.raises(TaskFailedError, match="500"):
        session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"failed": 1}


@calling_sandbox
def test_a_signed_call_is_heard(monkeypatch, faulty, opened):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", "whk-sandbox")
    with lx.CallbackServer():
        job = opened(faulty).generate("a lake", size="square")
        job.wait(120)
    assert job.status == "saved"


@calling_sandbox
def test_a_forged_call_is_not_heard(monkeypatch, faulty, opened):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", "whk-sandbox")
    set_faults(faulty, "callback-forged")
    before = faulty.counters()["callbacks"]["calls"].get("401", 0)
    with lx.CallbackServer():
        job = opened(faulty).generate("a lake", size="square")
        wait_until(lambda: faulty.counters()["callbacks"]["calls"].get("401", 0) > before)
        assert HintStore().hints() == []
        job.detach()
        wait_until(lambda: job.last_update.is_final)
    assert job.status == "detached"


@calling_sandbox
def test_the_capability_stands_in_no_ledger_and_no_result(
    receiver, faulty, opened, monkeypatch, tmp_path
):
    granted, grant = [], HintStore.grant
    monkeypatch.setattr(
        HintStore, "grant", lambda *a, **k: granted.append(grant(*a, **k)) or granted[-1]
    )
    job = opened(faulty).generate("a lake", size="square")
    result = job.wait(120)
    (word,) = granted
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    assert [str(path) for path in files if word.encode() in path.read_bytes()] == []
    assert word not in f"{result!r} {job!r} {job.last_update!r} {result._repr_mimebundle_()}"


@calling_sandbox
def test_a_hint_about_another_task_asks_nothing(receiver, faulty, opened, monkeypatch):
    set_faults(faulty, "stall:generating")
    urls, open_ = [], CallbackChannel.open
    monkeypatch.setattr(
        CallbackChannel, "open", lambda *given: urls.append(open_(*given)) or urls[-1]
    )
    job = opened(faulty).generate("a lake", size="square")
    wait_until(lambda: job.task_id)
    asked = faulty.counters()["calls"].get("recordInfo", 0)
    assert post(urls[0], body("task_other")) == 204
    assert post(urls[0], body(job.task_id)) == 204
    wait_until(lambda: faulty.counters()["calls"].get("recordInfo", 0) > asked)
    assert faulty.counters()["calls"]["recordInfo"] == asked + 1
    job.detach()


@calling_sandbox
def test_a_url_of_ones_own_is_passed_on_untouched_and_needs_no_mailbox(faulty, opened, own_mailbox):
    mine = "https://hooks.example/mine?x=1"
    session = opened(faulty, FAST_PACE)
    session.generate("a lake", size="square", callback=mine).wait(120)
    session.generate("a lake", size="square", callback=None).wait(120)
    assert mine in faulty.counters()["callbacks"]["elsewhere"]
    assert not own_mailbox.exists()


def flood(url, known, seen):
    for _ in range(CALLS):
        for word in (known, "x" * 43):
            status = post(f"{url}/liangxin/callback/{word}", body("task_x"))
            seen[status] = seen.get(status, 0) + 1


@calling_sandbox
def test_a_flood_of_calls_harms_nothing(receiver, faulty, opened, own_mailbox):
    known = HintStore().grant("victim", 3600)
    seen, begun = [{} for _ in range(4)], time.monotonic()
    callers = [threading.Thread(target=flood, args=(receiver.url, known, s)) for s in seen]
    for caller in callers:
        caller.start()
    opened(faulty, FAST_PACE).generate("a lake", size="square").wait(300)
    for caller in callers:
        caller.join()
    seconds = time.monotonic() - begun
    total = {code: sum(s.get(code, 0) for s in seen) for code in {c for s in seen for c in s}}
    print(f"\n{sum(total.values()) / seconds:.0f} calls a second: {total}")
    assert sum(total.values()) == 8 * CALLS
    assert set(total) == {204, 404, 429}
    assert total[204] <= 20 + 2 * seconds + 1
    assert len(HintStore().hints(ticket="victim")) == 1
    assert sum(path.stat().st_size for path in own_mailbox.iterdir()) < 200_000


# --- the sandbox's own end ----------------------------------------------------------------------


def sandbox_life(state, clock, work):
    """One run of a sandbox that calls back, in virtual time; `work` is given its world."""

    async def live():
        world = SandboxState(state, clock=clock)
        caller = WebhookSender(world, KEY, state)
        caller.resume("http://127.0.0.1:1")
        await work(world, caller)
        for task in caller._calls:
            task.cancel()
        return caller.statistics()

    return virtual_time.run(live())


def test_a_restarted_sandbox_calls_about_each_task_once(store, receiver, tmp_path, monkeypatch):
    """One task ends in the first run; the other one is created there and ends in the second."""
    urls = [f"{receiver.url}/liangxin/callback/{store.grant(f't{n}', 3600)}" for n in range(2)]
    now = [1_777_600_000.0]

    def clock():
        return now[0] + asyncio.get_running_loop().time()

    monkeypatch.setattr(webhooks, "time", SimpleNamespace(time=clock))
    tasks = []

    def create(world, caller, url):
        wish = {"model": "z-image", "callBackUrl": url, "input": {"prompt": "a lake"}}
        tasks.append(world.create(KEY, wish))
        caller.schedule(tasks[-1])

    async def first(world, caller):
        create(world, caller, urls[0])
        await asyncio.sleep(100)
        create(world, caller, urls[1])
        await asyncio.sleep(0.1)

    async def second(world, caller):
        await asyncio.sleep(100)

    assert sandbox_life(tmp_path, clock, first)["calls"] == {"204": 1}
    assert [hint.task_id for hint in store.hints()] == tasks[:1]
    now[0] += 101
    assert sandbox_life(tmp_path, clock, second)["calls"] == {"204": 1}
    assert [hint.task_id for hint in store.hints()] == tasks
    assert sandbox_life(tmp_path, clock, second)["calls"] == {}


def test_a_sandbox_calls_at_its_start_about_what_has_ended_meanwhile(receiver, store, tmp_path):
    url = f"{receiver.url}/liangxin/callback/{store.grant('ticket', 3600)}"
    wish = {"model": "z-image", "callBackUrl": url, "input": {"prompt": "a lake"}}
    task = SandboxState(tmp_path / "state", clock=lambda: time.time() - 3600).create(KEY, wish)
    served = start_sandbox("--state", str(tmp_path / "state"))
    wait_until(lambda: served.counters()["callbacks"]["calls"] == {"204": 1})
    served.stop()
    assert [hint.task_id for hint in store.hints()] == [task]


def test_an_empty_callback_is_none_and_an_odd_one_is_rejected(sandbox):
    wish = {"model": "z-image", "input": {"prompt": "a lake"}}
    api = f"{sandbox.url}/api/v1/jobs/createTask"
    assert call(api, {**wish, "callBackUrl": ""})[0] == 200
    assert call(api, {**wish, "callBackUrl": 7})[0] == 400


def test_the_sandbox_calls_no_other_machine(sandbox):
    far = "http://10.9.8.7/liangxin/callback/secret-word"
    wish = {"model": "z-image", "callBackUrl": far, "input": {"prompt": "a lake"}}
    assert call(f"{sandbox.url}/api/v1/jobs/createTask", wish)[0] == 200
    wait_until(lambda: sandbox.counters()["callbacks"]["elsewhere"])
    told = sandbox.counters()["callbacks"]["elsewhere"]
    assert "http://10.9.8.7/liangxin/callback/..." in told


def test_a_light_kernel_loads_no_web_server():
    code = (
        "import sys\nfrom liangxin_nb.callbacks import CallbackChannel\n"
        "print([n for n in ('tornado.web', 'jupyter_server') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
