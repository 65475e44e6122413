"""The Binder set-up, replayed step by step in a fresh virtual environment."""

import subprocess
import venv
from pathlib import Path

import nbformat
import pytest

from .binder.image import copied
from .links import README, TUTORIAL, address, block, linked

CHECKOUT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_binder_steps_end_with_the_first_tutorial_run(tmp_path, monkeypatch):
    home = copied(tmp_path)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--requirement", "binder/requirements.txt"]
    subprocess.run([python, *install], cwd=home, check=True, timeout=600)
    subprocess.run([python, "-m", "pip", "check"], cwd=home, check=True)
    monkeypatch.setenv("PATH", f"{python.parent}:/usr/bin:/bin")
    monkeypatch.setenv("LIANGXIN_SPEED", "4")
    tutorial = "notebooks/01_first_picture.ipynb"
    # `start` is for a server; the command it is given here runs the tutorial without one.
    command = ["bash", "binder/start", "env", "jupyter", "execute", "--inplace", tutorial]
    subprocess.run(command, cwd=home, check=True, timeout=300)
    notebook = nbformat.read(home / tutorial, 4)
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/jpeg" in output.get("data", {})
    ]
    assert len(pictures) == 4
    assert (home / "notebooks" / "liangxin-results" / "ledger.sqlite").exists()


def test_start_leaves_other_commands_alone():
    start = ["bash", str(CHECKOUT / "binder" / "start")]
    other = subprocess.run([*start, "echo", "x"], capture_output=True, text=True, check=True)
    assert other.stdout == "x\n"


def test_start_opens_jupyter_on_the_first_tutorial(tmp_path):
    jupyter = tmp_path / "jupyter"
    jupyter.write_text('#!/bin/sh\necho "$@"\n')
    jupyter.chmod(0o755)
    command = ["bash", str(CHECKOUT / "binder" / "start"), str(jupyter), "lab"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    place = f"default_url=/lab/tree/{TUTORIAL}"
    assert done.stdout == f"lab --ServerApp.{place} --LabApp.{place}\n"
    assert (CHECKOUT / TUTORIAL).exists()


def test_the_readmes_links_are_those_of_the_address_in_pyproject():
    text = README.read_text(encoding="utf-8")
    assert linked(text, address()) == text, "run: make links"
    assert text.count(block(address())) == 1


@pytest.mark.parametrize(
    ("repository", "spec"),
    [
        ("https://github.com/someone/liangxin_nb", "v2/gh/someone/liangxin_nb/HEAD"),
        ("https://git.example/a/b", "v2/git/https%3A%2F%2Fgit.example%2Fa%2Fb/HEAD"),
    ],
)
def test_the_badge_opens_the_first_tutorial_of_any_repository(repository, spec):
    made = block(repository)
    assert f"https://mybinder.org/{spec}?urlpath=lab%2Ftree%2Fnotebooks%2F01_first" in made
    assert f"git-pull?repo=https%3A%2F%2F{repository.split('/')[2]}" in made
    assert (CHECKOUT / TUTORIAL).exists()


def test_the_base_image_is_lifted_where_it_breaks_what_is_shown():
    wanted = (CHECKOUT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    assert ".[lab]" in wanted
    assert "ipykernel>=7.1" in wanted
    version = (CHECKOUT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert version in ("python-3.11", "python-3.12", "python-3.13")
    for name in ("start", "postBuild"):
        script = CHECKOUT / "binder" / name
        subprocess.run(["bash", "-n", script], check=True)
        assert script.stat().st_mode & 0o111
