"""The scan for the key finds what it has to find."""

import subprocess
import sys
import time

import pytest

from . import scan

PLANTED = "sk-planted-0123456789"


@pytest.mark.parametrize("form", scan.forms(PLANTED))
def test_a_planted_key_is_found_in_every_form(form, tmp_path):
    assert scan.hits(tmp_path, PLANTED) == []
    (tmp_path / "some.log").write_bytes(b"before " + form + b" after")
    assert scan.hits(tmp_path, PLANTED) == [str(tmp_path / "some.log")]


def test_a_key_in_a_file_name_is_found(tmp_path):
    (tmp_path / f"{PLANTED}.png").touch()
    assert len(scan.hits(tmp_path, PLANTED)) == 1


def test_a_key_in_a_process_argument_is_found():
    watch = scan.Watch(PLANTED)
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(30)", PLANTED]
    ) as process:
        deadline = time.monotonic() + 20
        while not watch.seen and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    assert watch.end()
