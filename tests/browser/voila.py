"""A Voila server for the tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..conftest import wait_until
from .home import Home


@contextmanager
def serve_voila(
    notebook: Path, env: Mapping[str, str], home: Home, python: str = sys.executable
) -> Iterator[str]:
    """Serve one notebook with Voila during the `with` block; the value is its URL."""
    home.prepare()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "voila", str(notebook), "--no-browser", f"--port={port}"]
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            [*command, "--Voila.ip=127.0.0.1"],
            cwd=notebook.parent,
            env=home.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(lambda: process.poll() is not None or _responds(f"{url}voila/static/voila.js"))
        if process.poll() is not None:
            text = home.log.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"Voila did not start:\n{text[-3000:]}")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _responds(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
