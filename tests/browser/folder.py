"""A folder in JupyterLab for the notebooks of one test module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import ipynb
from .home import Home
from .lab import Lab

#: Variable of the server's environment with the key, which must not be written into a file.
KEY_VARIABLE = "TESTS_SERVICE_KEY"


class Folder:
    """A folder below the server's folder, and a kernel with its own environment variables.

    A kernel runs in the folder of its notebook, so each folder has its own results and ledger.
    """

    def __init__(self, server: Lab, name: str, env: Mapping[str, str], key: str) -> None:
        """Create the folder and the kernel."""
        self.server = server
        self.name = self.kernel = name
        self.root = server.root / name
        self.root.mkdir()
        variables = {
            name: value.replace(key, f"${{{KEY_VARIABLE}}}") for name, value in env.items()
        }
        server.home.add_kernel(name, variables)

    @property
    def home(self) -> Home:
        """The server's folders."""
        return self.server.home

    @property
    def results(self) -> Path:
        """The results folder of its kernels' sessions."""
        return self.root / "liangxin-results"

    def get(self, path: str) -> Any:
        """Return the response of the server's REST API."""
        return self.server.get(path)

    def write(self, test: str, cells: list[str]) -> str:
        """Write a notebook named after a test and return its path in the folder."""
        stem = ipynb.slug(test)
        count = len(list(self.root.glob(f"{stem}*.ipynb")))
        name = f"{stem}-{count}.ipynb" if count else f"{stem}.ipynb"
        ipynb.write(self.root / name, cells, self.kernel)
        return name


class BusyCell:
    """A cell that keeps its kernel's main thread busy until a file exists."""

    def __init__(self, file: Path) -> None:
        """Delete the file if it exists from an earlier run."""
        self._file = file
        file.unlink(missing_ok=True)

    @property
    def source(self) -> str:
        """The source of the cell."""
        return (
            "import pathlib, time\n"
            f"while not pathlib.Path({str(self._file)!r}).exists(): time.sleep(0.05)"
        )

    def end(self) -> None:
        """Let the cell end."""
        self._file.touch()
