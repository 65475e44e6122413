"""Fresh virtual environments with the wheel in them, each with versions of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
#: Under these front ends the wheel is tried where nothing else is said.
COMMON = ("execute", "papermill", "nbconvert", "export", "terminal", "script")


@dataclass(frozen=True)
class Plan:
    """An environment to be made: which Python, which versions, which front ends to try in it."""

    name: str
    python: str
    wants: tuple[str, ...]
    tries: tuple[str, ...]


PLANS = (
    Plan(
        "newest",
        "3.11",
        ("jupyterlab", "notebook>=7", "voila", "papermill", "nbconvert"),
        (*COMMON, "lab", "notebook", "voila"),
    ),
    Plan("python3.12", "3.12", ("jupyterlab", "nbconvert"), ("execute", "script", "lab")),
    Plan("python3.13", "3.13", ("jupyterlab", "nbconvert"), ("execute", "script", "lab")),
    Plan(
        "lab-4.4",
        "3.11",
        ("jupyterlab==4.4.9", "ipykernel==7.1.0", "ipywidgets==8.1.7", "nbconvert"),
        ("execute", "lab"),
    ),
    Plan(
        "lab-4.2",
        "3.11",
        ("jupyterlab==4.2.7", "ipykernel==6.31.0", "ipywidgets==8.1.2", "notebook==7.2.3"),
        ("execute", "lab", "notebook"),
    ),
    Plan(
        # The kernel side of a hosted notebook with old pins; its page is not to be had here.
        "old-kernel",
        "3.11",
        ("ipykernel==6.17.1", "ipython==7.34.0", "ipywidgets==7.7.1", "nbclient", "nbconvert"),
        ("execute", "override", "script"),
    ),
)


@dataclass(frozen=True)
class Environment:
    """An environment that is there."""

    name: str
    python: Path

    @property
    def path(self) -> str:
        """PATH with its commands first."""
        return os.pathsep.join([str(self.python.parent), "/usr/local/bin", "/usr/bin", "/bin"])

    def versions(self) -> dict[str, str]:
        """The versions of what matters here, and Python's."""
        names = ["jupyterlab", "notebook", "ipykernel", "ipywidgets", "ipython", "voila"]
        code = f"""
import json, platform
from importlib import metadata
found = {{"python": platform.python_version()}}
for name in {names!r}:
    try: found[name] = metadata.version(name)
    except metadata.PackageNotFoundError: pass
print(json.dumps(found))
"""
        done = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True, cwd="/"
        )
        return dict(json.loads(done.stdout))


def running() -> Environment:
    """The environment of the running tests."""
    return Environment("this", Path(sys.executable))


def interpreter(version: str) -> str | None:
    """An interpreter of that version, wherever Pythons are usually kept; None without one."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    uv = sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"))
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for found in (sys.executable, shutil.which(f"python{version}"), *pyenv, *uv):
        done = found and subprocess.run([found, "-c", code], capture_output=True, text=True)
        if done and done.stdout.strip() == version:
            return str(found)
    return None


def wheel(folder: Path) -> Path:
    """The wheel, built from this checkout."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", str(CHECKOUT)]
    subprocess.run([*command, "--wheel-dir", str(folder)], check=True)
    (built,) = folder.glob("liangxin_nb-*.whl")
    return built


def made(plan: Plan, built: Path, folder: Path) -> Environment | None:
    """The environment of a plan, made anew; None where there is no such Python."""
    found = interpreter(plan.python)
    if found is None:
        return None
    subprocess.run([found, "-m", "venv", "--clear", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", str(built), *plan.wants]
    subprocess.run(install, check=True)
    return Environment(plan.name, python)
