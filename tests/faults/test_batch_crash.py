"""`kill -9` in the middle of a batch of 60: taken up again, and nothing is sent twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from liangxin_nb.batches import reopen
from liangxin_nb.ledger import Ledger
from liangxin_nb.session import Session

from ..conftest import FAST_PACE, start_sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path, request):
    faults = ["fail:500*6", "create-422-moderated*3", *getattr(request, "param", ())]
    state = tmp_path / "state"
    served = start_sandbox("--speed", "30", "--state", str(state), "--faults", ", ".join(faults))
    served.state = state
    yield served
    served.stop()


def work(server, results, count, *id):
    code = [sys.executable, "-m", "tests.faults.batch_worker", server.url, str(results)]
    env = {**os.environ, "LIANGXIN_API_KEY": server.key}
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [*code, str(count), *id], stdout=subprocess.PIPE, text=True, cwd=root, env=env
    )


def killed(process, place, left, sending):
    """Kills it when so many are left to be sent, with or without a request on its way.

    It is frozen first, so that what the ledger says is how it stood when it died.
    """
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        time.sleep(0.02)
        if fates(place).get("intent", left + 1) > left:
            continue
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        if bool(fates(place).get("sent", not sending)) == sending:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            return Ledger(place).count()
        os.kill(process.pid, signal.SIGCONT)
    raise AssertionError(f"the moment never came: {fates(place)}")


def fates(place):
    """How many tickets have each fate; nothing where a frozen process holds the file locked."""
    query = "SELECT fate, count(*) FROM tickets GROUP BY fate"
    try:
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True, timeout=0.2)) as db:
            return {"sent": 0, **dict(db.execute(query))}
    except sqlite3.OperationalError:
        return {}


def created(server):
    """How often the sandbox created each prompt and seed."""
    tasks = map(json.loads, (server.state / "tasks.jsonl").read_text().splitlines())
    return Counter((t["param"]["input"]["prompt"], t["param"]["input"]["seed"]) for t in tasks)


@pytest.mark.parametrize(
    ("server", "count", "sending"),
    [((), 60, False), (("create-slow:0.2",), 24, True)],
    ids=["60-between-requests", "24-amid-a-request"],
    indirect=["server"],
)
def test_a_killed_batch_is_taken_up_and_nothing_is_created_twice(server, count, sending, tmp_path):
    place = tmp_path / "r" / "ledger.sqlite"
    with work(server, tmp_path / "r", count) as first:
        id = first.stdout.readline().strip()
        ledger = Ledger(place)
        assert sum(ledger.count().values()) == count, "all were written before the first was sent"
        before = killed(first, place, count // 2, sending)
    assert before["intent"] > 0, "it was killed in the middle"

    # Two processes take it up at once: of each ticket one of them is the quicker.
    with (
        work(server, tmp_path / "r", count, id) as second,
        work(server, tmp_path / "r", count, id) as third,
    ):
        for process in (second, third):
            assert process.communicate(timeout=90)[0].splitlines()[0] == id

    unknown = before.get("sent", 0)
    assert bool(unknown) == sending
    counts = ledger.count()
    failed, refused, kept = (counts.pop(fate, 0) for fate in ("failed", "refused", "kept"))
    # Of what is unknown some would have failed.
    assert 9 - unknown <= failed + refused <= 9
    assert counts == ({"unknown": unknown} if unknown else {})
    assert kept == count - failed - refused - unknown
    made, told = created(server), server.counters()
    assert max(made.values()) == 1, "a task was created twice"
    assert count - 3 - unknown <= told["created"] == len(made) <= count - 3
    assert count - unknown <= told["calls"]["createTask"] <= count

    session = Session(base_url=server.url, key=server.key, results=tmp_path / "r", pace=FAST_PACE)
    batch = reopen(session, id)
    batch.wait(10)
    lost = f", {unknown} unknown (may be billed)" if unknown else ""
    assert (
        batch.progress.text
        == f"{count} tasks: {kept} done, {failed} failed, {refused} refused{lost}"
    )
    assert [o.place for o in batch if o.result] == sorted(t.place for t in ledger.of_fate("kept"))
    assert batch.retry() == failed + refused
    results = batch.wait(60)
    assert sum(result is None for result in results) == unknown, "unknown is never asked again"
    assert len(ledger.of_batch(id)) == count + failed + refused, "the old tickets stay"
    assert server.counters()["created"] == told["created"] + failed + refused
    session.close()
