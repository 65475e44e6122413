"""A kernel that runs cells as a notebook does, and can be interrupted in the middle of one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty
from typing import Any, Self

from .kernels import ForkedKernelManager

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_DEADLINE = 120.0


class Kernel:
    """A new kernel in a folder; it accepts no input, so cells wait for their results."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], pace: tuple[float, float] = (0.05, 0.1)
    ) -> None:
        """Start a kernel.

        Args:
            folder: Its working folder.
            env: All its environment variables.
            pace: Minimum and maximum seconds between two polls of a task.
        """
        self._manager = ForkedKernelManager()
        self._manager.provisioner.pace = pace
        self._manager.start_kernel(cwd=str(folder), env=dict(env))

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def restart(self) -> None:
        """Restart the kernel as the front end's button does; a running cell is interrupted."""
        self._client.stop_channels()
        self._manager.restart_kernel(now=False)
        # With a new client: the old one takes messages of the old kernel for a connection.
        self._connect()

    def _connect(self) -> None:
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=_DEADLINE)

    def run(
        self, source: str, when: Callable[[], bool] = lambda: False, cell_id: str = ""
    ) -> list[str]:
        """Run a cell, interrupt it once as soon as `when` says so, and return what it shows.

        JupyterLab and Notebook 7 send the id of the cell.
        """
        content = {"code": source, "silent": False, "allow_stdin": False, "stop_on_error": True}
        message = self._client.session.msg(
            "execute_request", content, metadata={"cellId": cell_id} if cell_id else {}
        )
        self._client.shell_channel.send(message)
        request = message["header"]["msg_id"]
        deadline = time.monotonic() + _DEADLINE
        shown: list[str] = []
        interrupted = False
        while time.monotonic() < deadline:
            if not interrupted and when():
                self._manager.interrupt_kernel()
                interrupted = True
            try:
                message = self._client.get_iopub_msg(timeout=0.03)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["content"].get("execution_state") == "idle":
                return shown
            shown += _text(message["msg_type"], message["content"])
        raise TimeoutError(f"the cell did not end: {source[:60]!r}")

    def shut_down(self, *, restart: bool = False) -> None:
        """End the kernel as Jupyter does, however long that takes, and maybe start another."""
        self._manager.shutdown_wait_time = _DEADLINE
        if restart:
            self._manager.restart_kernel()
        else:
            self._manager.shutdown_kernel()

    def updated_widgets(self, count: int) -> set[str]:
        """Wait until so many widgets have sent a change, and return their ids."""
        deadline = time.monotonic() + _DEADLINE
        updated: set[str] = set()
        while len(updated) < count:
            message = self._client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            if message["msg_type"] == "comm_msg":
                updated.add(message["content"]["comm_id"])
        return updated


def _text(kind: str, content: Mapping[str, Any]) -> list[str]:
    if kind == "stream":
        return [_COLOURS.sub("", content["text"])]
    if kind == "error":
        return [_COLOURS.sub("", "\n".join(content["traceback"]))]
    if kind in ("display_data", "execute_result", "update_display_data"):
        return [content["data"].get("text/plain", "")]
    return []
