"""A JupyterLab server for the tests."""

from __future__ import annotations

import http.client
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .home import Home

OPTIONS = (
    "--no-browser",
    "--expose-app-in-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)


class Lab:
    """Serve one folder of notebooks; the server writes all other files to `home`."""

    def __init__(
        self,
        root: Path,
        env: Mapping[str, str] | None = None,
        base_url: str = "/",
        home: Path | None = None,
        python: str = sys.executable,
        app: str = "jupyterlab",
    ) -> None:
        """Set the folder, the Python and the app; `start` starts the server."""
        self.root = root
        self.home = Home(home or Path(tempfile.mkdtemp(prefix="lab-")), python)
        self._command: tuple[str, ...] = (python, "-m", app)
        self._port = 0  # the system chooses a free port
        self._cwd = self.home.folder  # not the notebooks' folder: `-m` would import from it
        self.token = secrets.token_hex(16)
        self.url = ""
        self._env = {"JUPYTER_TOKEN": self.token, **(env or {})}
        self._base_url = base_url
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Lab:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    def start(self, timeout: float = 90) -> None:
        """Start the server and wait until it responds."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.home.prepare()
        options = (f"--ServerApp.root_dir={self.root}", f"--ServerApp.base_url={self._base_url}")
        with self.home.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *OPTIONS, *options, f"--ServerApp.port={self._port}"],
                cwd=self._cwd,
                env=self.home.environment(self._env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only the tests, which then stop the server
            )
        end = time.monotonic() + timeout
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                log_text = self.home.log.read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"JupyterLab did not start:\n{log_text[-3000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        """Read the server's URL from its runtime file and send a request to it."""
        try:
            for file in self.home.runtime.glob("jpserver-*.json"):
                self.url = json.loads(file.read_text(encoding="utf-8"))["url"]
                self.get("api/status")
                return True
        except (OSError, ValueError, http.client.HTTPException):
            pass  # the file is missing or incomplete, or the server is not listening yet
        return False

    def address(self, path: str) -> str:
        """Return the URL of a page on the server, with the token."""
        separator = "&" if "?" in path else "?"
        return f"{self.url}{path}{separator}token={self.token}"

    def get(self, path: str, method: str = "GET") -> Any:
        """Return the response of the server's REST API."""
        parts = urlsplit(self.url)
        # urllib would use the proxy of the environment, if there is one.
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request(
                method, parts.path + path, headers={"Authorization": f"token {self.token}"}
            )
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise OSError(f"{method} {path}: {response.status}")
        return json.loads(body or b"null")

    @property
    def pid(self) -> int:
        """The id of the server's process, or 0 if it is not running."""
        return self._process.pid if self._process else 0

    def stop(self) -> None:
        """Stop the server and its kernels."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
