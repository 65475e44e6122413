"""`kill -9` in the middle of a batch of 60: taken up again, and nothing is sent twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from liangxin_nb.batches import reopen
from liangxin_nb.ledger import Ledger
from liangxin_nb.session import Session

from ..conftest import QUICK, serve

pytestmark = pytest.mark.slow
TASKS = 60


@pytest.fixture
def server(tmp_path, request):
    faults = ["fail:500*6", "create-422-moderated*3", *getattr(request, "param", ())]
    state = tmp_path / "state"
    served = serve("--speed", "30", "--state", str(state), "--faults", ", ".join(faults))
    served.state = state
    yield served
    served.stop()


def work(server, results, *id):
    code = [sys.executable, "-m", "tests.faults.batch_worker", server.url, str(results)]
    env = {**os.environ, "LIANGXIN_API_KEY": server.key}
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [*code, str(TASKS), *id], stdout=subprocess.PIPE, text=True, cwd=root, env=env
    )


def killed(process, ledger, sending):
    """Kills it when 15 tasks are kept, with or without a request on its way.

    It is frozen first, so that what the ledger says is how it stood when it died.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.02)
        if ledger.count().get("kept", 0) < 15:
            continue
        os.kill(process.pid, signal.SIGSTOP)
        count = ledger.count()
        if bool(count.get("sent")) == sending:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            return count
        os.kill(process.pid, signal.SIGCONT)
    raise AssertionError(f"the moment never came: {ledger.count()}")


def created(server):
    """How often the sandbox created each prompt and seed."""
    tasks = map(json.loads, (server.state / "tasks.jsonl").read_text().splitlines())
    return Counter((t["param"]["input"]["prompt"], t["param"]["input"]["seed"]) for t in tasks)


@pytest.mark.parametrize("server", [(), ("create-slow:0.2",)], ids=["", "slow"], indirect=True)
def test_a_killed_batch_of_60_is_taken_up_and_nothing_is_created_twice(server, tmp_path):
    sending = "create-slow:0.2" in server.told()["faults"]
    with work(server, tmp_path / "r") as first:
        id = first.stdout.readline().strip()
        ledger = Ledger(tmp_path / "r" / "ledger.sqlite")
        assert sum(ledger.count().values()) == TASKS, "all were written before the first was sent"
        before = killed(first, ledger, sending)
    assert before["intent"] > 0, "it was killed in the middle"

    # Two processes take it up at once: of each ticket one of them is the quicker.
    with work(server, tmp_path / "r", id) as second, work(server, tmp_path / "r", id) as third:
        for process in (second, third):
            assert process.communicate(timeout=90)[0].splitlines()[0] == id

    unknown = before.get("sent", 0)
    assert bool(unknown) == sending
    kept = TASKS - 9 - unknown
    fates = {"kept": kept, "failed": 6, "refused": 3, "unknown": unknown}
    assert ledger.count() == {fate: n for fate, n in fates.items() if n}
    made, told = created(server), server.told()
    assert max(made.values()) == 1, "a task was created twice"
    assert TASKS - 3 - unknown <= told["created"] == len(made) <= TASKS - 3
    assert TASKS - unknown <= told["calls"]["createTask"] <= TASKS

    session = Session(base_url=server.url, key=server.key, results=tmp_path / "r", pace=QUICK)
    batch = reopen(session, id)
    batch.wait(10)
    lost = f", {unknown} unknown (may be billed)" if unknown else ""
    assert batch.progress.text == f"60 tasks: {kept} done, 6 failed, 3 refused{lost}"
    assert [o.place for o in batch if o.result] == sorted(t.place for t in ledger.of_fate("kept"))
    assert batch.retry() == 9
    results = batch.wait(60)
    assert sum(result is None for result in results) == unknown, "unknown is never asked again"
    assert len(ledger.of_batch(id)) == TASKS + 9, "the old tickets stay"
    assert server.told()["created"] == told["created"] + 9
    session.close()
