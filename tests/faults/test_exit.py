"""The end of Python: answers on their way are recorded, and what remains is printed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_client import KernelManager

from liangxin_nb.ledger import Ledger
from liangxin_nb.session import exit as module

from ..conftest import wait_until
from ..processes import is_ending
from ..task_server import KEY

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


def test_answers_on_their_way_are_recorded_before_python_ends(start, server, tmp_path):
    with server.held("createTask"):
        process = start()
        wait_until(lambda: server.count("createTask") == 2)
        process.stdin.close()  # the script's last line is done
        wait_until(lambda: is_ending(process.pid))
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 2}
    assert "2 tasks at the service (task_" in process.stderr.read()


def test_answer_to_a_detached_request_is_recorded_before_python_ends(start, server, tmp_path):
    with server.held("createTask"):
        process = start(1, SCRIPT + WAIT_FOR_LINE + DETACH)
        wait_until(lambda: server.count("createTask") == 1)
        process.stdin.close()
        wait_until(lambda: is_ending(process.pid))
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 1}


def test_sigterm_while_the_exit_is_held_does_not_lose_the_answer(start, server, tmp_path):
    """Jupyter sends it halfway through the grace period."""
    with server.held("createTask"):
        process = start(1)
        wait_until(lambda: server.count("createTask") == 1)
        process.stdin.close()
        wait_until(lambda: is_ending(process.pid))
        process.terminate()
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 1}


def test_exit_ends_without_an_answer(start, server, tmp_path):
    code = SCRIPT + "import liangxin_nb.session.exit as module; module.MAX_HOLD_S = 0.1\n"
    with server.held("createTask"):
        process = start(1, code + WAIT_FOR_LINE)
        wait_until(lambda: server.count("createTask") == 1)
        process.stdin.close()
        process.wait(60)
    error = process.stderr.read()
    assert "1 request may have been billed" in error
    assert "%liangxin doctor" in error
    assert counts(tmp_path / "r") == {"submitting": 1}


def test_exit_is_held_for_less_than_jupyter_waits(monkeypatch):
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds

    unanswered = SimpleNamespace(is_submitting=True, status="submitting", task_id="")
    unanswered.record = SimpleNamespace(id="1")
    unanswered.last_update = SimpleNamespace(error=None)
    guard = SimpleNamespace(withdraw=lambda: [unanswered])
    monkeypatch.setattr(module, "_guards", {os.getpid(): [guard]})
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    module._hold()
    assert module.MAX_HOLD_S <= clock[0] < KernelManager().shutdown_wait_time


def test_script_that_ends_with_generate_prints_one_line(server, tmp_path, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BASE_URL", server.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    script = tmp_path / "script.py"
    script.write_text("import liangxin_nb as lx\n\nlx.generate('a lake')\n")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    (job,) = Ledger(tmp_path / "liangxin-results" / "ledger.sqlite").list_jobs()
    lines = {  # the request may be quicker than the end of Python
        "pending": f"1 request was not sent ({job.id}); "
        "nothing was billed. End a script with job.wait().",
        "submitted": f"1 task at the service ({job.task_id}): liangxin_nb.resume() collects.",
    }
    assert (ended.stdout, ended.stderr) == ("", f"liangxin_nb: {lines[job.status]}\n")
    assert server.count("createTask") == (job.status == "submitted")


#: Detaches a job before it is sent.
DETACH_ONE = """\
waiting = session.job(session.ledger.with_status("pending")[0].id)
waiting.detach()
while not waiting.done(): threading.Event().wait(0.01)
print("detached", flush=True)
"""


def test_request_that_was_not_sent_is_not_sent_during_the_exit(start, server, tmp_path):
    """At most four requests are on their way at once; the others stay pending."""
    code = f"import threading\n{SCRIPT}{WAIT_FOR_LINE}{DETACH_ONE}{WAIT_FOR_LINE}"
    with server.held("createTask"):
        process = start(9, code)
        wait_until(lambda: server.count("createTask") == 4)
        print(file=process.stdin, flush=True)
        assert [process.stdout.readline().strip() for _ in range(2)] == ["started", "detached"]
        process.stdin.close()
        wait_until(lambda: is_ending(process.pid))
    process.wait(60)
    assert counts(tmp_path / "r") == {"submitted": 4, "pending": 4, "rejected": 1}
    assert "5 requests were not sent" in process.stderr.read()
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
