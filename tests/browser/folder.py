"""A folder of a JupyterLab for the notebooks of one test module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import ipynb
from .home import Home
from .lab import Lab

#: Names the key in the server's environment: it must not be written into a file.
KEY_VARIABLE = "TESTS_SERVICE_KEY"


class Folder:
    """A folder below the server's, and a kernel with an environment of its own.

    A kernel's working folder is its notebook's, so that results and ledgers of two folders do not
    mix.
    """

    def __init__(self, server: Lab, name: str, env: Mapping[str, str], key: str) -> None:
        """Make the folder and the kernel."""
        self.server = server
        self.name = self.kernel = name
        self.root = server.root / name
        self.root.mkdir()
        hidden = {
            variable: value.replace(key, f"${{{KEY_VARIABLE}}}") for variable, value in env.items()
        }
        server.home.add_kernel(name, hidden)

    @property
    def home(self) -> Home:
        """The server's own folders."""
        return self.server.home

    @property
    def results(self) -> Path:
        """Where the sessions of its kernels keep results and ledger."""
        return self.root / "liangxin-results"

    def get(self, path: str) -> Any:
        """Return what the server's REST API says."""
        return self.server.get(path)

    def write(self, test: str, cells: list[str]) -> str:
        """Write a notebook named after a test and return its path in the folder."""
        stem = ipynb.slug(test)
        count = len(list(self.root.glob(f"{stem}*.ipynb")))
        name = f"{stem}-{count}.ipynb" if count else f"{stem}.ipynb"
        ipynb.write(self.root / name, cells, self.kernel)
        return name


class BusyCell:
    """A cell that keeps its kernel's main thread busy until a file is there."""

    def __init__(self, file: Path) -> None:
        """Use this file, which may be left over from an earlier run."""
        self._file = file
        file.unlink(missing_ok=True)

    @property
    def source(self) -> str:
        """The cell."""
        return (
            "import pathlib, time\n"
            f"while not pathlib.Path({str(self._file)!r}).exists(): time.sleep(0.05)"
        )

    def end(self) -> None:
        """Let the cell end."""
        self._file.touch()
