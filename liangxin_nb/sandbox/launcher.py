"""Finding the sandbox of a results folder, or starting it: one for all kernels of the folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from ..errors import APIConnectionError
from .config import ADDRESS, gate, key, lease

__all__ = ["Launcher"]

_SECRETS = ("LIANGXIN_API_KEY", "LIANGXIN_WEBHOOK_KEY")
_PATIENCE = 30.0  # seconds for a new sandbox to say that it is ready


class Launcher:
    """Keeps one sandbox at hand for this process, whatever becomes of earlier ones."""

    def __init__(self, state: Path, *, speed: float = 1.0) -> None:
        self._state = state
        self._speed = speed
        self._lock = threading.Lock()
        self._lease: FileLock | None = None

    @property
    def key(self) -> str:
        """The Bearer key that the sandbox takes."""
        return key()

    def url(self) -> str:
        """Where the sandbox listens now; starts it when there is none. Blocks for a second or two.

        Raises `APIConnectionError` when it does not start.
        """
        with self._lock, gate(self._state):
            if self._lease is None:
                self._lease = lease(self._state, f"{os.getpid()}-{uuid.uuid4().hex[:8]}")
                # The sandbox may be looking at it in this very moment.
                self._lease.acquire(timeout=_PATIENCE)
            address = self._known()
            if not _is_up(address):
                address = self._start(urlsplit(address.get("url", "")).port or 0)
            return str(address["url"])

    def release(self) -> None:
        """Gives the lease back: without users the sandbox ends by itself."""
        with self._lock:
            if self._lease is not None:
                self._lease.release()
                self._lease = None

    def _known(self) -> dict[str, Any]:
        try:
            address = json.loads((self._state / ADDRESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return address if isinstance(address, dict) else {}

    def _start(self, port: int) -> dict[str, Any]:
        """A new sandbox, on its predecessor's port where that is free: its links live on."""
        options = ["--port", str(port), "--speed", str(self._speed), "--shared"]
        # -P: a notebook's folder may hold a random.py or a json.py of its own.
        command = [sys.executable, "-P", "-m", "liangxin_nb.sandbox", *options]
        environment = {k: v for k, v in os.environ.items() if k not in _SECRETS}
        with (self._state / "sandbox.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 our own module, no word from outside
                [*command, "--state", str(self._state)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                # It serves other kernels too: this one's interrupt or end is not its own.
                start_new_session=True,
            )
        line = _first_line(process)
        try:
            address = json.loads(line)
        except ValueError:
            process.kill()
            raise APIConnectionError(
                "The sandbox did not start. Nothing was sent, nothing was billed.",
                next_step=f"See {self._state / 'sandbox.log'}.",
            ) from None
        return dict(address)


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """The line it prints when ready, or nothing within the patience."""
    assert process.stdout is not None
    lines: list[bytes] = []
    stdout = process.stdout

    def read() -> None:
        with stdout:
            lines.append(stdout.readline())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(_PATIENCE)
    # The process outlives this one; waiting for it elsewhere keeps it from staying as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return lines[0] if lines else b""


def _is_up(address: dict[str, Any]) -> bool:
    """Whether the very sandbox that wrote the address answers there."""
    url = str(address.get("url", ""))
    if not url.startswith("http://127.0.0.1:"):
        return False
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/sandbox", timeout=3) as reply:
            told = json.load(reply)
    except (OSError, ValueError, urllib.error.URLError):
        return False
    return isinstance(told, dict) and told.get("sandbox") == address.get("identity")
