"""The Binder set-up, replayed step by step in a fresh virtual environment."""

import subprocess
from pathlib import Path

import nbformat
import pytest

from .binder.image import copied
from .installing import check, install, make_environment
from .kernels import environment, ipython_folder, pictures
from .links import README, TUTORIAL, address, block, linked

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def binder(tmp_path_factory):
    """The repository as a Binder clones it, and the Python of an environment as it makes one."""
    folder = tmp_path_factory.mktemp("binder")
    home, python = copied(folder), make_environment(folder / "env")
    install(python, "--requirement", "binder/requirements.txt", folder=home)
    return home, python


@pytest.mark.slow
@pytest.mark.xdist_group("binder")
def test_the_packages_of_a_binder_fit_together(binder):
    check(binder[1])


@pytest.mark.slow
@pytest.mark.xdist_group("binder")
def test_the_first_tutorial_runs_in_a_binder(binder, tmp_path):
    home, python = binder
    env = environment(
        tmp_path,
        PATH=f"{python.parent}:/usr/bin:/bin",
        LIANGXIN_SPEED="20",
        IPYTHONDIR=str(ipython_folder(tmp_path / "ipython", (0.6, 0.8))),
    )
    tutorial = "notebooks/01_first_picture.ipynb"
    # `start` is for a server; the command it is given here runs the tutorial without one.
    command = ["bash", "binder/start", "env", "jupyter", "execute", "--inplace", tutorial]
    subprocess.run(command, cwd=home, env=env, check=True, timeout=300)
    assert len(pictures(nbformat.read(home / tutorial, 4))) == 4
    assert (home / "notebooks" / "liangxin-results" / "ledger.sqlite").exists()


def test_start_runs_other_commands_unchanged():
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


def test_the_links_of_the_readme_are_made_from_the_address_in_pyproject():
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


def test_the_requirements_replace_the_kernel_that_breaks_outputs():
    wanted = (CHECKOUT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    assert ".[lab]" in wanted
    assert "ipykernel>=7.1" in wanted


def test_the_runtime_is_a_python_that_the_package_supports():
    version = (CHECKOUT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert version in ("python-3.11", "python-3.12", "python-3.13")


@pytest.mark.parametrize("name", ["start", "postBuild"])
def test_a_script_can_be_run(name):
    script = CHECKOUT / "binder" / name
    subprocess.run(["bash", "-n", script], check=True)
    assert script.stat().st_mode & 0o111
