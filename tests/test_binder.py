"""The steps of a Binder, in a fresh virtual environment."""

import subprocess
from pathlib import Path

import nbformat
import pytest

from .binder.image import copy_repository
from .installing import check, install, make_environment
from .kernels import environment, ipython_folder, pictures
from .links import README, TUTORIAL, link_block, replace_links, repository_url

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def binder(tmp_path_factory):
    """Provide a copy of the repository, and the Python of an environment with its requirements.

    Of the base image, it contains only what runs a notebook.
    """
    folder = tmp_path_factory.mktemp("binder")
    home, python = copy_repository(folder), make_environment(folder / "env")
    install(python, "--requirement", "binder/requirements.txt", "nbclient", folder=home)
    return home, python


@pytest.mark.slow
@pytest.mark.xdist_group("binder")
def test_packages_of_a_binder_are_compatible(binder):
    check(binder[1])


@pytest.mark.slow
@pytest.mark.xdist_group("binder")
def test_first_tutorial_runs_in_a_binder(binder, tmp_path):
    home, python = binder
    env = environment(
        tmp_path,
        PATH=f"{python.parent}:/usr/bin:/bin",
        LIANGXIN_SPEED="20",
        IPYTHONDIR=str(ipython_folder(tmp_path / "ipython", (0.6, 0.8))),
    )
    tutorial = "notebooks/01_first_picture.ipynb"
    # `start` usually runs a server; this command runs the tutorial without one.
    command = ["bash", "binder/start", "env", "jupyter", "execute", "--inplace", tutorial]
    subprocess.run(command, cwd=home, env=env, check=True, timeout=300)
    assert len(pictures(nbformat.read(home / tutorial, 4))) == 4
    assert (home / "notebooks" / "liangxin-results" / "ledger.sqlite").exists()


def test_start_runs_other_commands_unchanged():
    start = ["bash", str(CHECKOUT / "binder" / "start")]
    process = subprocess.run([*start, "echo", "x"], capture_output=True, text=True, check=True)
    assert process.stdout == "x\n"


def test_start_opens_jupyter_on_the_first_tutorial(tmp_path):
    jupyter = tmp_path / "jupyter"
    jupyter.write_text('#!/bin/sh\necho "$@"\n')
    jupyter.chmod(0o755)
    command = ["bash", str(CHECKOUT / "binder" / "start"), str(jupyter), "lab"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    setting = f"default_url=/lab/tree/{TUTORIAL}"
    assert process.stdout == f"lab --ServerApp.{setting} --LabApp.{setting}\n"
    assert (CHECKOUT / TUTORIAL).exists()


def test_readme_links_contain_the_url_in_pyproject():
    text = README.read_text(encoding="utf-8")
    assert replace_links(text, repository_url()) == text, "run: make links"
    assert text.count(link_block(repository_url())) == 1


@pytest.mark.parametrize(
    ("repository", "spec"),
    [
        ("https://github.com/someone/liangxin_nb", "v2/gh/someone/liangxin_nb/HEAD"),
        ("https://git.example/a/b", "v2/git/https%3A%2F%2Fgit.example%2Fa%2Fb/HEAD"),
    ],
)
def test_badge_opens_the_first_tutorial_of_any_repository(repository, spec):
    links = link_block(repository)
    assert f"https://mybinder.org/{spec}?urlpath=lab%2Ftree%2Fnotebooks%2F01_first" in links
    assert f"git-pull?repo=https%3A%2F%2F{repository.split('/')[2]}" in links
    assert (CHECKOUT / TUTORIAL).exists()


def test_requirements_do_not_replace_jupyterlab_and_exclude_ipykernel_7_0():
    requirements = (CHECKOUT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    assert {".", "ipykernel>=7.1"} <= set(requirements.splitlines())


def test_runtime_is_a_supported_python():
    version = (CHECKOUT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert version in ("python-3.11", "python-3.12", "python-3.13")


@pytest.mark.parametrize("name", ["start", "postBuild"])
def test_script_is_executable_and_valid(name):
    script = CHECKOUT / "binder" / name
    subprocess.run(["bash", "-n", script], check=True)
    assert script.stat().st_mode & 0o111
