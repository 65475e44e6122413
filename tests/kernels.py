"""Fast kernels for tests, and notebooks that run in them.

The imports of a kernel and of this package take two seconds. A server does them once per test
process; every kernel is a fork of it, with the environment variables and the working folder of its
test, and shares no state with other kernels.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning import LocalProvisioner
from nbclient import NotebookClient
from nbformat import NotebookNode

from .scan import KEY, UNUSED_KEY

_SERVICE = {"LIANGXIN_PROFILE", "LIANGXIN_BASE_URL", "LIANGXIN_API_KEY"}
CHECKOUT = Path(__file__).parent.parent


class KernelServer:
    """The process that forks kernels."""

    def __init__(self) -> None:
        """Start the server; it answers once it has imported everything."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kernel_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={k: v for k, v in os.environ.items() if not k.startswith("LIANGXIN_")},
            start_new_session=True,  # Ctrl-C is for the tests
        )

    def fork(self, **options: Any) -> int:
        """Start a kernel as `kernel_server.become_kernel` describes it; return its process id."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(options) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def stop(self) -> None:
        """End the server and all its kernels."""
        self._process.communicate()


@cache
def server() -> KernelServer:
    """The kernel server of this process, started when the first kernel is."""
    started = KernelServer()
    atexit.register(started.stop)
    return started


class ForkedProcess:
    """A kernel's process: what `LocalProvisioner` uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        """Take the process id of a kernel that the server has forked."""
        self.pid = pid

    def poll(self) -> int | None:
        """Return None while the process runs, else 0."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self) -> int:
        """Wait until the process has ended."""
        while self.poll() is None:
            time.sleep(0.01)
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end: Jupyter does this to a kernel that needs long to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)


class ForkingProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Starts kernels as forks of the server."""

    #: Minimum and maximum seconds between two polls of a task.
    pace = (0.05, 0.1)

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Fork a kernel with the arguments of a command that would start one."""
        pid = server().fork(
            arguments=cmd[cmd.index("-f") :],
            env=dict(options["env"]),
            folder=str(options.get("cwd") or Path.cwd()),
            pace=self.pace,
        )
        self.process = ForkedProcess(pid)
        self.pid = self.pgid = pid
        return self.connection_info


class ForkedKernelManager(KernelManager):
    """A kernel manager that forks its kernels."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the same arguments as the class of Jupyter."""
        super().__init__(*arguments, **options)
        self.provisioner = ForkingProvisioner(parent=self, kernel_spec=self.kernel_spec)


class AsyncForkedKernelManager(AsyncKernelManager):
    """The same for callers with an event loop, such as nbclient."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the same arguments as the class of Jupyter."""
        super().__init__(*arguments, **options)
        self.provisioner = ForkingProvisioner(parent=self, kernel_spec=self.kernel_spec)


def service(sandbox: Any) -> dict[str, str]:
    """Return the environment variables with which a kernel uses a running sandbox.

    Without them it starts a separate sandbox in its results folder.
    """
    return {"LIANGXIN_BASE_URL": sandbox.url, "LIANGXIN_API_KEY": sandbox.key}


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return all environment variables of a kernel, without settings of the developer.

    Args:
        folder: A folder of the test; rate limits are shared within it only.
        variables: Settings of the test.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LIANGXIN_")}
    defaults = {"LIANGXIN_SANDBOX_KEY": KEY, "LIANGXIN_BUDGET": str(folder / ".budget")}
    if variables.keys().isdisjoint(_SERVICE):
        # A real key that is not used: it must be in nothing that the kernel writes.
        defaults |= {"LIANGXIN_PROFILE": "sandbox", "LIANGXIN_API_KEY": UNUSED_KEY}
    return {**inherited, **defaults, **variables}


def execute(
    cells: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, **options: Any
) -> NotebookNode:
    """Run cells as a notebook in a new kernel, and return the notebook with its outputs.

    Args:
        cells: The source of each cell.
        folder: The kernel's working folder.
        env: Settings for the kernel, such as those of `service`.
        options: More arguments for nbclient, such as `allow_errors=True`.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    execute_notebook(notebook, folder, environment(folder, **(env or {})), **options)
    return notebook


def execute_notebook(
    notebook: NotebookNode, folder: Path, env: Mapping[str, str], **options: Any
) -> None:
    """Run a notebook in a new kernel; its outputs are stored in it.

    Args:
        notebook: The notebook.
        folder: The kernel's working folder.
        env: All environment variables of the kernel.
        options: More arguments for nbclient, such as `allow_errors=True`.
    """
    client = NotebookClient(
        notebook,
        timeout=120,
        resources={"metadata": {"path": folder}},
        kernel_manager_class=AsyncForkedKernelManager,
        **options,
    )
    client.execute(env=dict(env))


def stream(cell: NotebookNode) -> str:
    """Return what a cell has printed, and its error as it is shown."""
    return "".join(
        output.get("text", "") + "\n".join(output.get("traceback", ())) for output in cell.outputs
    )


def pictures(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the outputs of a notebook that are pictures."""
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if picture_of(output)
    ]


def picture_of(output: NotebookNode) -> str:
    """Return the first JPEG of an output, alone or in HTML, as base64; empty if there is none."""
    data = output.get("data", {})
    in_html = re.search('data:image/jpeg;base64,([^"]+)', data.get("text/html", ""))
    return data.get("image/jpeg") or (in_html[1] if in_html else "")


def ipython_folder(folder: Path, pace: tuple[float, float]) -> Path:
    """Create an IPYTHONDIR for kernels that Jupyter starts; their sessions poll at this pace.

    Args:
        folder: The folder to create.
        pace: Minimum and maximum seconds between two polls of a task.
    """
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "pace.py").write_text(
        "import liangxin_nb.polling, liangxin_nb.session.session\n"
        "liangxin_nb.session.session.PACE = liangxin_nb.polling.PollSchedule(\n"
        f"    steps=((float('inf'), *{pace}),), poll_interval_s=0.01, create_period_s=0.2\n"
        ")\n"
        "del liangxin_nb\n",
        encoding="utf-8",
    )
    return folder
