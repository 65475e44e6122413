"""A Voila server of its own for the tests."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .home import Home


@contextmanager
def served(notebook: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Serve one notebook and give its address; the server ends with the block."""
    home = Home(notebook.parent / ".home")
    home.prepare()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}"]
    with (home.folder / "voila.log").open("wb") as log:
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
        _wait(process, f"{url}voila/api/kernels", home.folder / "voila.log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, seconds: float = 60) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            json.load(direct.open(url, timeout=5))
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"Voila did not start:\n{log.read_text(errors='replace')[-3000:]}")
