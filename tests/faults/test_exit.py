"""The end of Python: answers on their way are recorded, and the rest is said in one line."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from liangxin_nb.ledger import Ledger

from ..conftest import wait_until

pytestmark = pytest.mark.slow
SCRIPT = """\
import sys
from liangxin_nb import Session
from tests.task_server import KEY, PACE
url, results, count = sys.argv[1:4]
session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
jobs = [session.generate(f"a lake, number {n}") for n in range(int(count))]
print("started", flush=True)
"""
WAIT_FOR_LINE = "sys.stdin.readline()\n"
DETACH = "import time\njobs[0].detach()\nwhile not jobs[0].done(): time.sleep(0.01)\n"


@pytest.fixture
def start(server, tmp_path):
    """Starts scripts in processes of their own, which are killed at the end of the test."""
    processes = []

    def start(count=2, code=SCRIPT + WAIT_FOR_LINE):
        process = subprocess.Popen(
            [sys.executable, "-c", code, server.url, str(tmp_path / "r"), str(count)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait(60)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def counts(results):
    return Ledger(results / "ledger.sqlite").count_by_status()


def answer_when(server, condition):
    """Delay the answers of createTask until a condition is true."""
    released = threading.Event()

    def hold(_task_id):
        released.wait(60)

    def release():
        wait_until(condition)
        released.set()

    server.hooks["createTask"] = hold
    threading.Thread(target=release, daemon=True).start()
    return released


def test_answers_on_their_way_are_recorded_before_python_ends(start, server, tmp_path):
    ended = []
    answer_when(server, lambda: ended)
    process = start()
    wait_until(lambda: server.count("createTask") == 2)
    process.stdin.close()  # the script's last line is done
    wait_until(lambda: ignores_sigterm(process.pid))
    ended.append(True)
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 2}
    assert "2 tasks at the service (task_" in process.stderr.read()


def test_answer_to_a_detached_request_is_recorded_before_python_ends(start, server, tmp_path):
    ended = []
    answer_when(server, lambda: ended)
    process = start(1, SCRIPT + WAIT_FOR_LINE + DETACH)
    wait_until(lambda: server.count("createTask") == 1)
    process.stdin.close()
    wait_until(lambda: ignores_sigterm(process.pid))
    ended.append(True)
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 1}


def test_sigterm_while_the_exit_is_held_does_not_lose_the_answer(start, server, tmp_path):
    """Jupyter sends it halfway through the grace period."""
    terminated = []
    answer_when(server, lambda: terminated)
    process = start(1)
    wait_until(lambda: server.count("createTask") == 1)
    process.stdin.close()
    wait_until(lambda: ignores_sigterm(process.pid))
    process.terminate()
    terminated.append(True)
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 1}


def ignores_sigterm(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigIgn"))
    return int(mask.split()[1], 16) & (1 << (signal.SIGTERM - 1))


def test_exit_ends_after_four_seconds_without_an_answer(start, server, tmp_path):
    released = answer_when(server, lambda: False)
    process = start(1)
    wait_until(lambda: server.count("createTask") == 1)
    begin = time.monotonic()
    process.stdin.close()
    process.wait(60)
    waited = time.monotonic() - begin
    released.set()
    assert 3.5 < waited < 30
    error = process.stderr.read()
    assert "1 request may have been billed" in error
    assert "%liangxin doctor" in error
    assert counts(tmp_path / "r") == {"submitting": 1}


def test_script_that_ends_with_generate_is_told_in_one_line(start, server, tmp_path):
    process = start(3, SCRIPT)
    process.wait(60)
    pending = counts(tmp_path / "r").get("pending", 0)
    assert sum(counts(tmp_path / "r").values()) == 3
    assert server.count("createTask") == 3 - pending
    lines = process.stderr.read().splitlines()
    assert 1 <= len(lines) <= 2
    told = [line for line in lines if "could be sent" in line]
    assert bool(told) == bool(pending)
    assert all("End a script with job.wait()." in line for line in told)


def test_request_that_was_not_sent_is_not_sent_during_the_exit(start, server, tmp_path):
    """At most four requests are on their way at once; the others stay pending."""
    ended = []
    answer_when(server, lambda: ended)
    process = start(9)
    wait_until(lambda: server.count("createTask") == 4)
    process.stdin.close()
    wait_until(lambda: ignores_sigterm(process.pid))
    ended.append(True)
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 4, "pending": 5}
    assert "before 5 requests could be sent" in process.stderr.read()
    assert server.count("createTask") == 4


def test_script_that_waits_says_nothing(start, server, tmp_path):
    code = SCRIPT + "for job in jobs: job.wait(60)\n"
    process = start(2, code)
    process.wait(60)
    assert process.stderr.read() == ""
    assert counts(tmp_path / "r") == {"saved": 2}


def test_forked_child_does_not_hold_its_exit(start, server, tmp_path):
    code = SCRIPT + (
        "import os\n"
        "child = os.fork()\n"
        "if child: print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "if child: [job.wait(60) for job in jobs]\n"
    )
    process = start(1, code)
    output, error = process.communicate(timeout=60)
    assert output.splitlines() == ["started", "0"]
    assert error == ""
    assert counts(tmp_path / "r") == {"saved": 1}


def test_sigterm_outside_of_the_exit_ends_python_as_usual(start, server, tmp_path):
    process = start(1)
    wait_until(lambda: counts_or_empty(tmp_path / "r").get("saved") == 1)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM


def counts_or_empty(results):
    return counts(results) if (results / "ledger.sqlite").exists() else {}
