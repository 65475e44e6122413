"""Steps of building a Binder image, in a virtual environment instead of an image."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..matrix.environments import interpreter

CHECKOUT = Path(__file__).resolve().parents[2]
COPIED = (
    "binder", "jupyter-config", "liangxin_nb", "notebooks",
    "pyproject.toml", "README.md", "LICENSE",
)  # fmt: skip
#: Packages that repo2docker 2026.4.0 installs in every image before the requirements.
BASE = (
    "jupyterlab==4.4.9", "notebook==7.4.7", "jupyter_server==2.17.0", "ipykernel==7.0.1",
    "ipywidgets==8.1.7", "ipython==9.6.0",
)  # fmt: skip
#: Environment variables that a Binder sets for its servers.
SERVER_VARIABLES = {
    "BINDER_LAUNCH_HOST": "https://binder.example/",
    "BINDER_REQUEST": "v2/git/example/HEAD",
    "BINDER_REPO_URL": "https://git.example/liangxin_nb",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/x/",
}


def copy_repository(folder: Path) -> Path:
    """Copy the repository as a Binder clones it."""
    home = folder / "home"
    home.mkdir()
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, home / name)
    return home


def dockerfile(folder: Path, home: Path) -> str:
    """Return the Dockerfile that repo2docker renders, installed in a separate environment."""
    tool = folder / "repo2docker"
    subprocess.run([sys.executable, "-m", "venv", str(tool)], check=True)
    python = str(tool / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "jupyter-repo2docker"], check=True)
    user = ("--user-id", "1000", "--user-name", "jovyan")
    command = [python, "-m", "repo2docker", "--no-build", "--debug", *user, str(home)]
    process = subprocess.run(command, capture_output=True, text=True)
    output = process.stdout + process.stderr
    assert process.returncode == 0, output[-2000:]
    return output


def python_version(home: Path) -> str:
    """Return the Python version in runtime.txt."""
    return (home / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().split("-")[1]


def create_base(folder: Path, version: str) -> Path:
    """Create an environment with the packages of the base image and return its Python."""
    python_path = interpreter(version)
    assert python_path, f"Python {version} of binder/runtime.txt is not installed"
    subprocess.run([python_path, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *BASE], check=True)
    return python


def list_upgrades(python: Path, home: Path) -> str:
    """Describe what pip would install for the requirements, and what it would upgrade."""
    command = [python, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"]
    command += ["--requirement", "binder/requirements.txt"]
    process = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-2000:]
    packages = [item["metadata"] for item in json.loads(process.stdout)["install"]]
    base = {pin.split("==")[0]: pin.split("==")[1] for pin in BASE}
    upgrades = [
        f"{package['name']} {base[package['name']]} → {package['version']}"
        for package in packages
        if package["name"] in base
    ]
    return f"{len(packages)} packages; upgrades of the base: {', '.join(upgrades) or 'none'}"


def build(python: Path, home: Path) -> Iterator[str]:
    """Run the steps requirements, check and postBuild, and yield the name of each afterwards."""
    env = {**os.environ, "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": ""}
    install = ["-m", "pip", "install", "--quiet", "--requirement", "binder/requirements.txt"]
    subprocess.run([python, *install], cwd=home, env=env, check=True)
    yield "pip install -r binder/requirements.txt"
    subprocess.run([python, "-m", "pip", "check"], cwd=home, env=env, check=True)
    yield "pip check"
    process = subprocess.run(["bash", "binder/postBuild"], cwd=home, env=env, capture_output=True)
    assert process.returncode == 0, process.stderr[-2000:]
    yield "binder/postBuild"
