"""Builds and installs packages with uv where it is at hand, which takes seconds, else with pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path


def find_uv() -> str | None:
    """Return the uv beside this Python, where the Makefile puts it, or the one on the PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a project.

    Args:
        source: The project.
        folder: Where the wheel is put.

    Returns:
        The wheel.
    """
    uv = find_uv()
    built = uv and _succeeds(uv, "build", "--quiet", "--wheel", "--out-dir", folder, source)
    if not built:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", source]
        subprocess.run([*command, "--wheel-dir", folder], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """Make a virtual environment, and return its Python."""
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path, folder: Path | None = None) -> None:
    """Install packages into the environment of a Python.

    Args:
        python: The Python.
        what: Packages and options, as both uv and pip take them.
        folder: The working folder, default the present one.
    """
    uv = find_uv()
    # uv does not read pip's configuration: with a mirror set there, only pip finds the packages.
    done = uv and _succeeds(
        uv, "pip", "install", "--quiet", "--python", python, *what, folder=folder
    )
    if not done:
        _pip(python, "install", "--quiet", *what, folder=folder)


def check(python: Path) -> None:
    """Fail when the packages of an environment do not fit together."""
    if uv := find_uv():
        subprocess.run([uv, "pip", "check", "--quiet", "--python", python], check=True)
    else:
        _pip(python, "check")


def _pip(python: Path, *arguments: str | Path, folder: Path | None = None) -> None:
    if not _succeeds(python, "-m", "pip", "--version"):
        subprocess.run([python, "-m", "ensurepip"], check=True, capture_output=True)
    subprocess.run([python, "-m", "pip", *arguments], cwd=folder, check=True)


def _succeeds(*command: str | Path, folder: Path | None = None) -> bool:
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0
