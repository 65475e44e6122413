"""Build and install packages with uv if it is available, otherwise with pip, which is slower.

Also reads the dependencies in pyproject.toml.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[1]


def read_dependencies(*extras: str) -> list[Requirement]:
    """Return the dependencies in pyproject.toml, with those of some extras."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][name] for name in extras)]
    return [Requirement(text) for texts in lists for text in texts]


def lowest_version(requirement: Requirement) -> str:
    """Return the lowest version that a requirement allows; fail if it names none."""
    (version,) = (each.version for each in requirement.specifier if each.operator == ">=")
    return version


def find_uv() -> str | None:
    """Return the uv in this environment, where the Makefile installs it, or the one on the PATH."""
    path = Path(sys.executable).with_name("uv")
    return str(path) if path.exists() else shutil.which("uv")


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a project.

    Args:
        source: The project.
        folder: Target folder.

    Returns:
        The path of the wheel.
    """
    uv = find_uv()
    is_built = uv and _succeeds(uv, "build", "--quiet", "--wheel", "--out-dir", folder, source)
    if not is_built:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", source]
        subprocess.run([*command, "--wheel-dir", folder], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """Create a virtual environment and return its Python."""
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


def install(python: Path, *packages: str | Path, folder: Path | None = None) -> None:
    """Install packages into the environment of a Python.

    Args:
        python: The Python.
        packages: Packages and options that both uv and pip accept.
        folder: Working folder, by default the current one.
    """
    uv = find_uv()
    # uv does not read pip's configuration: with a mirror configured there, only pip finds packages.
    is_installed = uv and _succeeds(
        uv, "pip", "install", "--quiet", "--python", python, *packages, folder=folder
    )
    if not is_installed:
        _pip(python, "install", "--quiet", *packages, folder=folder)


def check(python: Path) -> None:
    """Fail if the packages of an environment are incompatible."""
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
