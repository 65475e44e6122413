"""From the service's callback to the saved result, and what a callback cannot do."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
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
from .conftest import build_body, post

#: How many requests each of four threads sends with a valid and with an unknown token.
REQUESTS = int(os.environ.get("LIANGXIN_CALLS", "60"))
uses_signing_sandbox = pytest.mark.xdist_group("sandbox that calls back")


@pytest.fixture(scope="module")
def module_sandbox():
    served = start_sandbox("--speed", "20", LIANGXIN_SANDBOX_WEBHOOK_KEY="whk-sandbox")
    yield served
    served.stop()


@pytest.fixture
def faulty(module_sandbox):
    """A sandbox that signs its callbacks; a test can set its faults."""
    yield module_sandbox
    module_sandbox.set_faults()


@uses_signing_sandbox
def test_callback_ends_a_wait_before_the_next_poll(callback_server, faulty, open_session):
    session = open_session(faulty)
    before = faulty.counters()["calls"].get("recordInfo", 0)
    session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}
    assert faulty.counters()["calls"]["recordInfo"] == before + 1, "only after the callback"
    assert HintStore().list_hints() == []


@uses_signing_sandbox
def test_lost_callback_is_replaced_by_polling(callback_server, faulty, open_session):
    faulty.set_faults("callback-lost")
    job = open_session(faulty, FAST_PACE).generate("a lake", size="square")
    assert job.wait(120).task_id == job.task_id
    assert HintStore().list_hints() == []


@uses_signing_sandbox
def test_repeated_callback_ends_the_job_once(callback_server, faulty, open_session):
    faulty.set_faults("callback-twice")
    session = open_session(faulty)
    session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}


@uses_signing_sandbox
def test_callback_for_a_failed_task_ends_the_job(callback_server, faulty, open_session):
    faulty.set_faults("fail:500")
    session = open_session(faulty)
    with pytest.raises(TaskFailedError, match="500"):
        session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"failed": 1}


@uses_signing_sandbox
def test_signed_callback_is_accepted(monkeypatch, faulty, open_session):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", "whk-sandbox")
    with lx.CallbackServer():
        job = open_session(faulty).generate("a lake", size="square")
        job.wait(120)
    assert job.status == "saved"


@uses_signing_sandbox
def test_forged_callback_is_rejected(monkeypatch, faulty, open_session):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", "whk-sandbox")
    faulty.set_faults("callback-forged")
    before = faulty.counters()["callbacks"]["calls"].get("401", 0)
    with lx.CallbackServer():
        job = open_session(faulty).generate("a lake", size="square")
        wait_until(lambda: faulty.counters()["callbacks"]["calls"].get("401", 0) > before)
        assert HintStore().list_hints() == []
        job.detach()
        wait_until(lambda: job.last_update.is_final)
    assert job.status == "detached"


@uses_signing_sandbox
def test_token_is_in_no_ledger_and_no_result(
    callback_server, faulty, open_session, monkeypatch, tmp_path
):
    tokens, issue_token = [], HintStore.issue_token
    monkeypatch.setattr(
        HintStore, "issue_token", lambda *args: tokens.append(issue_token(*args)) or tokens[-1]
    )
    job = open_session(faulty).generate("a lake", size="square")
    result = job.wait(120)
    (token,) = tokens
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    assert [str(path) for path in files if token.encode() in path.read_bytes()] == []
    assert token not in f"{result!r} {job!r} {job.last_update!r} {result._repr_mimebundle_()}"


@uses_signing_sandbox
def test_hint_for_another_task_sends_no_poll_request(
    callback_server, faulty, open_session, monkeypatch
):
    faulty.set_faults("stall:generating")
    urls, issue_url = [], CallbackChannel.issue_url
    monkeypatch.setattr(
        CallbackChannel, "issue_url", lambda *args: urls.append(issue_url(*args)) or urls[-1]
    )
    job = open_session(faulty).generate("a lake", size="square")
    wait_until(lambda: job.task_id)
    polled = faulty.counters()["calls"].get("recordInfo", 0)
    assert post(urls[0], build_body("task_other")) == 204
    assert post(urls[0], build_body(job.task_id)) == 204
    wait_until(lambda: faulty.counters()["calls"].get("recordInfo", 0) > polled)
    assert faulty.counters()["calls"]["recordInfo"] == polled + 1
    job.detach()


@uses_signing_sandbox
def test_own_callback_url_is_sent_unchanged_and_needs_no_hint_store(
    faulty, open_session, callbacks_folder
):
    own_url = "https://hooks.example/own_url?x=1"
    session = open_session(faulty, FAST_PACE)
    session.generate("a lake", size="square", callback=own_url).wait(120)
    session.generate("a lake", size="square", callback=None).wait(120)
    assert own_url in faulty.counters()["callbacks"]["elsewhere"]
    assert not callbacks_folder.exists()


def send_requests(url, valid_token, statuses):
    for _ in range(REQUESTS):
        for token in (valid_token, "x" * 43):
            status = post(f"{url}/liangxin/callback/{token}", build_body("task_x"))
            statuses[status] = statuses.get(status, 0) + 1


@uses_signing_sandbox
def test_many_requests_do_not_disturb_a_job(
    callback_server, faulty, open_session, callbacks_folder
):
    token = HintStore().issue_token("job-1", 3600)
    counts, start = [{} for _ in range(4)], time.monotonic()
    threads = [
        threading.Thread(target=send_requests, args=(callback_server.url, token, count))
        for count in counts
    ]
    for thread in threads:
        thread.start()
    open_session(faulty, FAST_PACE).generate("a lake", size="square").wait(300)
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    total = sum(map(Counter, counts), Counter())
    print(f"\n{sum(total.values()) / seconds:.0f} requests per second: {dict(total)}")
    assert sum(total.values()) == 8 * REQUESTS
    assert set(total) == {204, 404, 429}
    assert total[204] <= 20 + 2 * seconds + 1
    assert len(HintStore().list_hints(job_id="job-1")) == 1
    assert sum(path.stat().st_size for path in callbacks_folder.iterdir()) < 200_000


# ---- callbacks that the sandbox sends


def run_sandbox(state, clock, work):
    """Run a sandbox that sends callbacks in virtual time; `work` receives its state."""

    async def run():
        sandbox_state = SandboxState(state, clock=clock)
        sender = WebhookSender(sandbox_state, KEY, state)
        sender.resume("http://127.0.0.1:1")
        await work(sandbox_state, sender)
        for task in sender._calls:
            task.cancel()
        return sender.statistics()

    return virtual_time.run(run())


def test_restarted_sandbox_sends_one_callback_for_each_task(
    store, callback_server, tmp_path, monkeypatch
):
    """One task ends in the first run; the other one is created there and ends in the second."""
    urls = [
        f"{callback_server.url}/liangxin/callback/{store.issue_token(f't{n}', 3600)}"
        for n in range(2)
    ]
    now = [1_777_600_000.0]

    def clock():
        return now[0] + asyncio.get_running_loop().time()

    monkeypatch.setattr(webhooks, "time", SimpleNamespace(time=clock))
    tasks = []

    def create(sandbox_state, sender, url):
        payload = {"model": "z-image", "callBackUrl": url, "input": {"prompt": "a lake"}}
        tasks.append(sandbox_state.create(KEY, payload))
        sender.schedule(tasks[-1])

    async def first(sandbox_state, sender):
        create(sandbox_state, sender, urls[0])
        await asyncio.sleep(100)
        create(sandbox_state, sender, urls[1])
        await asyncio.sleep(0.1)

    async def second(sandbox_state, sender):
        await asyncio.sleep(100)

    assert run_sandbox(tmp_path, clock, first)["calls"] == {"204": 1}
    assert [hint.task_id for hint in store.list_hints()] == tasks[:1]
    now[0] += 101
    assert run_sandbox(tmp_path, clock, second)["calls"] == {"204": 1}
    assert [hint.task_id for hint in store.list_hints()] == tasks
    assert run_sandbox(tmp_path, clock, second)["calls"] == {}


def test_sandbox_sends_callbacks_at_start_for_tasks_that_have_ended(
    callback_server, store, tmp_path
):
    url = f"{callback_server.url}/liangxin/callback/{store.issue_token('job-1', 3600)}"
    payload = {"model": "z-image", "callBackUrl": url, "input": {"prompt": "a lake"}}
    task = SandboxState(tmp_path / "state", clock=lambda: time.time() - 3600).create(KEY, payload)
    served = start_sandbox("--state", str(tmp_path / "state"))
    wait_until(lambda: served.counters()["callbacks"]["calls"] == {"204": 1})
    served.stop()
    assert [hint.task_id for hint in store.list_hints()] == [task]


def test_empty_callback_url_is_ignored_and_an_invalid_one_is_rejected(sandbox):
    payload = {"model": "z-image", "input": {"prompt": "a lake"}}
    api = f"{sandbox.url}/api/v1/jobs/createTask"
    assert call(api, {**payload, "callBackUrl": ""})[0] == 200
    assert call(api, {**payload, "callBackUrl": 7})[0] == 400


def test_sandbox_sends_no_callbacks_to_other_machines(sandbox):
    url = "http://10.9.8.7/liangxin/callback/secret-token"
    payload = {"model": "z-image", "callBackUrl": url, "input": {"prompt": "a lake"}}
    assert call(f"{sandbox.url}/api/v1/jobs/createTask", payload)[0] == 200
    wait_until(lambda: sandbox.counters()["callbacks"]["elsewhere"])
    skipped = sandbox.counters()["callbacks"]["elsewhere"]
    assert "http://10.9.8.7/liangxin/callback/..." in skipped


def test_kernel_loads_no_web_server():
    code = (
        "import sys\nfrom liangxin_nb.callbacks import CallbackChannel\n"
        "print([n for n in ('tornado.web', 'jupyter_server') if n in sys.modules])\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "[]"
