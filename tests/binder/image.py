"""What a Binder builds, step by step, in a fresh environment instead of an image."""

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
KEPT = (
    "binder", "jupyter-config", "liangxin_nb", "notebooks",
    "pyproject.toml", "README.md", "LICENSE",
)  # fmt: skip
#: What repo2docker 2026.4.0 puts into every image before the repository's own requirements.
BASE = (
    "jupyterlab==4.4.9", "notebook==7.4.7", "jupyter_server==2.17.0", "ipykernel==7.0.1",
    "ipywidgets==8.1.7", "ipython==9.6.0",
)  # fmt: skip
#: What a Binder tells its servers, by which they know what they are.
TOLD = {
    "BINDER_LAUNCH_HOST": "https://binder.example/",
    "BINDER_REQUEST": "v2/git/example/HEAD",
    "BINDER_REPO_URL": "https://git.example/liangxin_nb",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/x/",
}


def copied(folder: Path) -> Path:
    """The repository as a Binder would clone it."""
    home = folder / "home"
    home.mkdir()
    for name in KEPT:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, home / name)
    return home


def dockerfile(folder: Path, home: Path) -> str:
    """The Dockerfile that repo2docker renders, from an environment of its own."""
    tool = folder / "repo2docker"
    subprocess.run([sys.executable, "-m", "venv", str(tool)], check=True)
    python = str(tool / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "jupyter-repo2docker"], check=True)
    person = ("--user-id", "1000", "--user-name", "jovyan")
    command = [python, "-m", "repo2docker", "--no-build", "--debug", *person, str(home)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    return said


def python_version(home: Path) -> str:
    """The Python that runtime.txt asks for."""
    return (home / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().split("-")[1]


def base(folder: Path, version: str) -> Path:
    """An environment as the base image has it; its Python."""
    found = interpreter(version)
    assert found, f"no Python {version} here, which binder/runtime.txt asks for"
    subprocess.run([found, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *BASE], check=True)
    return python


def lifted(python: Path, home: Path) -> str:
    """What pip would install for the requirements, and what of the base it lifts."""
    command = [python, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"]
    command += ["--requirement", "binder/requirements.txt"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    fresh = [one["metadata"] for one in json.loads(done.stdout)["install"]]
    names = {pin.split("==")[0]: pin.split("==")[1] for pin in BASE}
    news = [f"{m['name']} {names[m['name']]} → {m['version']}" for m in fresh if m["name"] in names]
    return f"{len(fresh)} packages; of the base image: {', '.join(news) or 'none lifted'}"


def build(python: Path, home: Path) -> Iterator[str]:
    """The image's steps: requirements, a check, postBuild; the name of each when it is done."""
    env = {**os.environ, "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": ""}
    install = ["-m", "pip", "install", "--quiet", "--requirement", "binder/requirements.txt"]
    subprocess.run([python, *install], cwd=home, env=env, check=True)
    yield "pip install -r binder/requirements.txt"
    subprocess.run([python, "-m", "pip", "check"], cwd=home, env=env, check=True)
    yield "pip check"
    done = subprocess.run(["bash", "binder/postBuild"], cwd=home, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    yield "binder/postBuild"
