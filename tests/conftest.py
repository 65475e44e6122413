"""Fixtures for all tests: a real sandbox on a real socket, and sessions that use it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass

import pytest

from liangxin_nb import Session
from liangxin_nb.config.settings import OVERRIDES
from liangxin_nb.polling import PollSchedule
from liangxin_nb.session.default import set_session

from . import scan, task_server

pytest_plugins = [
    "tests.environment.networks",
    "tests.environment.report",
    "tests.faults.report",
    "tests.run_report",
]

#: Polls more often than the services allow; only for servers of the tests.
FAST_PACE = PollSchedule(
    steps=((float("inf"), 0.05, 0.1),), poll_interval_s=0.01, create_period_s=0.2
)


@dataclass
class SandboxProcess:
    """A running sandbox process on a free port of this machine."""

    url: str
    key: str
    process: subprocess.Popen

    def counters(self):
        """Return the sandbox's counters: tasks created, calls by name, faults injected."""
        return self.control("GET", "/sandbox")

    def set_faults(self, *faults):
        """Replace the current faults by these; without names there are none."""
        return self.control("PUT", "/sandbox/faults", json.dumps({"faults": faults}).encode())

    def control(self, method, path, body=None):
        """Send a request with the key, and return the answer."""
        headers = {"Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()


def wait_until(condition, deadline=60.0, interval=0.02):
    """Wait for `condition()` to become true, and return its value; fail after the deadline.

    Args:
        condition: Called without arguments until it returns something true.
        deadline: Seconds after which the test fails. Only reached because of a bug.
        interval: Seconds between two calls.
    """
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"still not true after {deadline:g} s"
        time.sleep(interval)
    return value


def start_sandbox(*options, **environment):
    """Start a sandbox with command-line options and environment variables, and wait for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "liangxin_nb.sandbox", *options],
        stdout=subprocess.PIPE,
        env={**os.environ, "LIANGXIN_SANDBOX_KEY": scan.KEY, **environment},
    )
    address = json.loads(process.stdout.readline())
    return SandboxProcess(address["url"], address["key"], process)


@pytest.fixture(scope="session", autouse=True)
def key_is_found_nowhere(tmp_path_factory):
    """Check at the end of the run that the key is in no file and in no process's arguments.

    With pytest-xdist one worker at a time checks all processes, and each worker reads the files
    of its folder.
    """
    folder = tmp_path_factory.getbasetemp()
    together = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    scanner = scan.ProcessScanner(together / "process-scanner.lock")
    yield
    arguments = scanner.stop()
    files = scan.find_files_with(folder)
    assert not arguments, f"the key stood in process arguments: {arguments}"
    assert not files, f"the key stands in {files}"


@pytest.fixture(scope="session", autouse=True)
def own_runtime_folder(tmp_path_factory):
    """Sessions of the tests register their ledgers for no server of the developer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.getbasetemp() / "runtime"))
        yield


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path, tmp_path_factory):
    """Tests do not see the developer's settings, and do not write into the checkout."""
    for name in list(os.environ):
        if name.startswith("LIANGXIN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIANGXIN_BUDGET", str(tmp_path_factory.getbasetemp() / "budget"))
    # Sandboxes that notebooks start use the same key.
    monkeypatch.setenv("LIANGXIN_SANDBOX_KEY", scan.KEY)
    OVERRIDES.clear()
    yield
    OVERRIDES.clear()
    set_session(None)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def sandbox():
    """One fast sandbox for the whole run."""
    served = start_sandbox("--speed", "20")
    yield served
    served.stop()


@pytest.fixture
def session(sandbox, tmp_path):
    """A session that uses the sandbox like any service, by address and key."""
    session = Session(
        base_url=sandbox.url, key=sandbox.key, results=tmp_path / "results", schedule=FAST_PACE
    )
    yield session
    session.close()


@pytest.fixture
def server():
    """A server of the task API that the test controls; see task_server.py."""
    with closing(task_server.TaskServer()) as server:
        yield server


@pytest.fixture
def connect(server, tmp_path):
    """Return a function that opens a session on `server`, as each of several notebooks would."""
    sessions = []

    def connect(folder="results", **settings):
        settings = {
            "base_url": server.url, "key": task_server.KEY, "schedule": task_server.PACE,
            "results": tmp_path / folder, **settings,
        }  # fmt: skip
        sessions.append(Session(**settings))
        return sessions[-1]

    yield connect
    for session in sessions:
        session.close()
