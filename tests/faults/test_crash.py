"""`kill -9` at random moments: nothing lost, nothing created twice, nothing torn."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from liangxin_nb.ledger import Ledger
from liangxin_nb.results import story

from ..conftest import start_sandbox

pytestmark = pytest.mark.slow
CRASHES = int(os.environ.get("LIANGXIN_CRASHES", "6"))
PROMPTS = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    state = tmp_path_factory.mktemp("crash") / "state"
    served = start_sandbox("--speed", "12", "--state", str(state))
    served.state = state
    yield served
    served.stop()


def work(server, results):
    code = [sys.executable, "-m", "tests.faults.worker", server.url, str(results)]
    env = {**os.environ, "LIANGXIN_API_KEY": server.key}
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [*code, str(PROMPTS)], stdout=subprocess.PIPE, text=True, cwd=root, env=env
    )


def created(server, known):
    """The sandbox's own list of tasks, less those of earlier rounds: id → prompt."""
    tasks = map(json.loads, (server.state / "tasks.jsonl").read_text().splitlines())
    return {t["id"]: t["param"]["input"]["prompt"] for t in tasks if t["id"] not in known}


@pytest.mark.parametrize("crash", range(CRASHES))
def test_a_killed_process_loses_nothing_and_pays_for_nothing_twice(crash, server, tmp_path):
    file = server.state / "tasks.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    known = {json.loads(line)["id"] for line in lines}
    moment = random.Random(f"{crash}-{time.time_ns()}").uniform(0.0, 4.0)
    print(f"killed {moment:.3f} s after it began")
    with work(server, tmp_path / "r") as first:
        assert first.stdout.readline() == "begun\n"
        time.sleep(moment)  # the moment of the crash is what this test varies
        os.kill(first.pid, signal.SIGKILL)
    with work(server, tmp_path / "r") as second:
        assert second.communicate(timeout=90)[0].split() == ["begun", "done"]

    ledger = Ledger(tmp_path / "r" / "ledger.sqlite")
    tickets = [t for t in ledger.tickets(most=None) if t.fate != "intent"]
    made = created(server, known)
    assert max(Counter(made.values()).values()) == 1, "a prompt was created twice"
    assert max(Counter(t.request.prompt for t in tickets).values()) == 1, "a prompt was sent twice"
    assert {t.request.prompt for t in tickets} == {f"a lake, number {n}" for n in range(PROMPTS)}
    fates = Counter(t.fate for t in tickets)
    assert set(fates) <= {"kept", "unknown"}, fates
    by_id = {t.task_id: t for t in tickets if t.task_id}
    unknown = {t.request.prompt for t in tickets if t.fate == "unknown"}
    for id, prompt in made.items():
        assert id in by_id or prompt in unknown, "a task exists of which the ledger says nothing"
    assert set(by_id) <= set(made)
    for ticket in by_id.values():
        folder = tmp_path / "r" / ticket.folder
        Image.open(folder / "1.png").load()
        assert story(folder / "1.png").task_id == ticket.task_id
    folders = [path for path in (tmp_path / "r").glob("20*/*") if path.is_dir()]
    assert len(folders) == len(by_id), "a result was kept twice or half"
