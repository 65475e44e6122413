"""Find or start the sandbox that all kernels with one results folder share.

Each process that uses the sandbox holds a lease, which is a file lock. The sandbox ends when
no process holds one. Its URL is published in the state folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from .._child_environment import child_environment
from ..config.private_files import create_folder, private_opener
from ..core.foreign_file import file_problem
from ..errors import APIConnectionError
from .access_key import sandbox_key
from .client import is_running, read_address

__all__ = ["Launcher", "create_lease", "has_leases", "startup_lock"]

_LEASES = "leases"
_VARIABLES = (
    "LIANGXIN_MODELS", "LIANGXIN_SANDBOX_KEY", "LIANGXIN_SANDBOX_LINGER",
    "LIANGXIN_SANDBOX_WEBHOOK_KEY",
)  # fmt: skip
_START_TIMEOUT = 30.0  # seconds for a new sandbox to print that it is ready


class Launcher:
    """Provides a running sandbox to this process, and starts another if one has ended.

    Args:
        state: Folder of the sandbox's tasks, address and leases.
        speed: How many times faster than the service a new sandbox runs.
    """

    def __init__(self, state: Path, *, speed: float = 1.0) -> None:
        self._state = state
        self._speed = speed
        self._lock = threading.Lock()
        self._lease: FileLock | None = None

    @property
    def key(self) -> str:
        """Bearer key that the sandbox accepts."""
        try:
            return sandbox_key(self._state)
        except OSError as error:
            raise self._folder_error(error) from None

    def url(self) -> str:
        """Return the sandbox's URL; start the sandbox if none runs, which takes a second or two.

        Returns:
            The base URL, on a loopback address.

        Raises:
            APIConnectionError: If the sandbox does not start.
        """
        try:
            return self._find_or_start()
        except OSError as error:
            raise self._folder_error(error) from None

    def _folder_error(self, error: OSError) -> APIConnectionError:
        return APIConnectionError(
            f"The sandbox's folder {str(self._state)!r} cannot be used ({file_problem(error)}). "
            "Nothing was sent.",
            next_step="Set LIANGXIN_RESULTS to a folder of your own.",
        )

    def _find_or_start(self) -> str:
        with self._lock, startup_lock(self._state):
            key = sandbox_key(self._state)
            if self._lease is None:
                self._lease = create_lease(self._state, f"{os.getpid()}-{uuid.uuid4().hex[:8]}")
                # The sandbox acquires each lease for a moment to find out whether it is held.
                self._lease.acquire(timeout=_START_TIMEOUT)
            url = read_address(self._state)
            if not (url and is_running(url, key)):
                url = self._start(urlsplit(url).port or 0)
            return url

    def release(self) -> None:
        """Release the lease; a sandbox without leases ends."""
        with self._lock:
            if self._lease is not None:
                self._lease.release()
                self._lease = None

    def _start(self, port: int) -> str:
        """Start a sandbox, on the port of the previous one if it is free: links stay valid."""
        options = ["--port", str(port), "--speed", str(self._speed), "--shared"]
        # -P: the working folder may contain a random.py or a json.py.
        command = [sys.executable, "-P", "-m", "liangxin_nb.sandbox", *options]
        with open(self._state / "sandbox.log", "ab", opener=private_opener) as log:
            process = subprocess.Popen(  # noqa: S603 our own module, no external input
                [*command, "--state", str(self._state)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=child_environment(*_VARIABLES),
                # Other kernels use it too: an interrupt or the end of this one must not end it.
                start_new_session=True,
            )
        line = _read_first_line(process)
        try:
            return str(json.loads(line)["url"])
        except (ValueError, KeyError, TypeError):
            process.kill()
            raise APIConnectionError(
                "The sandbox did not start. Nothing was sent, nothing was billed.",
                next_step=f"See {self._state / 'sandbox.log'}.",
            ) from None


def startup_lock(state: Path) -> FileLock:
    """Return the lock that is held while a sandbox is looked up, started or ended."""
    create_folder(state)
    return FileLock(state / "gate.lock", thread_local=False)


def create_lease(state: Path, name: str) -> FileLock:
    """Return the lease of one user; the system releases it when the user's process ends."""
    folder = state / _LEASES
    create_folder(folder)
    return FileLock(folder / f"{name}.lock", thread_local=False)


def has_leases(state: Path) -> bool:
    """Return whether any process holds a lease; leases of ended processes are deleted."""
    is_held = False
    for path in sorted((state / _LEASES).glob("*.lock")):
        lease = FileLock(path, thread_local=False)
        try:
            lease.acquire(timeout=0)
        except Timeout:
            is_held = True
            continue
        lease.release()
        path.unlink(missing_ok=True)
    return is_held


def _read_first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Return the line that a new sandbox prints when it is ready, empty after the timeout."""
    assert process.stdout is not None
    lines: list[bytes] = []
    stdout = process.stdout

    def read() -> None:
        with stdout:
            lines.append(stdout.readline())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(_START_TIMEOUT)
    # If the sandbox ends first, waiting for it prevents a zombie process.
    threading.Thread(target=process.wait, daemon=True).start()
    return lines[0] if lines else b""
