"""The scan for the key finds what it has to find."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from . import scan
from .conftest import wait_until

PLANTED = "sk-planted-0123456789"


@pytest.mark.parametrize("form", scan.forms(PLANTED))
def test_a_planted_key_is_found_in_every_form(form, tmp_path):
    assert scan.hits(tmp_path, PLANTED) == []
    (tmp_path / "some.log").write_bytes(b"before " + form + b" after")
    assert scan.hits(tmp_path, PLANTED) == [str(tmp_path / "some.log")]


def test_a_key_in_a_file_name_is_found(tmp_path):
    (tmp_path / f"{PLANTED}.png").touch()
    assert len(scan.hits(tmp_path, PLANTED)) == 1


def test_every_name_of_a_file_that_holds_the_key_is_found(tmp_path):
    (tmp_path / "a").write_text(PLANTED)
    (tmp_path / "b").write_text("nothing")
    for name in "cd":
        os.link(tmp_path / "a", tmp_path / name)
        os.link(tmp_path / "b", tmp_path / f"not-{name}")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert {Path(path).name for path in scan.hits(tmp_path, PLANTED)} == {"a", "c", "d"}


@pytest.fixture
def planted():
    """A process with the key among its arguments, which runs for as long as the test."""
    waiting = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", waiting, PLANTED], stdin=subprocess.PIPE) as one:
        yield one
        one.kill()


def test_a_key_in_a_process_argument_is_found(planted, tmp_path):
    watch = scan.Watch(tmp_path / "turn", PLANTED)
    wait_until(lambda: watch.seen)
    assert PLANTED.encode() in watch.end().pop()


def test_of_several_watches_one_looks_and_another_one_takes_over(planted, tmp_path):
    first, second = (scan.Watch(tmp_path / "turn", PLANTED) for _ in range(2))
    wait_until(lambda: first.seen or second.seen)
    looks, waits = (first, second) if first.seen else (second, first)
    assert waits.seen == set()
    looks.end()
    wait_until(lambda: waits.seen)
    waits.end()


LEAK = f"""
import pytest
from tests import scan
from tests.conftest import key_is_found_nowhere

scan.hits.__defaults__ = ("{PLANTED}",)

def test_leak(tmp_path):
    (tmp_path / "some.log").write_text("{PLANTED}")
"""


def test_a_run_whose_tests_write_the_key_fails():
    """The fixture of this run's own conftest, in a run of its own outside of this one's folder."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "test_leak.py").write_text(LEAK)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   f"--basetemp={place}/run", f"--rootdir={place}", "test_leak.py"]  # fmt: skip
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        env.pop("PYTEST_XDIST_WORKER", None)
        run = subprocess.run(command, env=env, cwd=place, capture_output=True, text=True)
    assert "the key is in ['" in run.stdout
    assert "1 passed, 1 error" in run.stdout
    assert run.returncode == 1
