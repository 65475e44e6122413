"""The scan finds the key in files and in arguments of processes."""

import base64
import html
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from liangxin_nb.config.secret import Secret

from . import scan
from .conftest import wait_until

PLANTED = "planted0123456789"
#: The keys of the tests with another mark: the real ones must not be in a file of the run.
KEYS = [key.replace(scan.MARK, PLANTED) for key in scan.KEYS]
ENCODINGS = {
    "plain": str.encode,
    "json": lambda key: json.dumps(key).encode(),
    "json in json": lambda key: json.dumps(json.dumps(key)).encode(),
    "html": lambda key: html.escape(key).encode(),
    "url": lambda key: quote(key, safe="").encode(),
    "python": lambda key: repr(key).encode(),
    "hex": lambda key: key.encode().hex().encode(),
    "hex in capitals": lambda key: key.encode().hex().upper().encode(),
    "utf-16": lambda key: key.encode("utf-16"),
    "utf-16-be": lambda key: key.encode("utf-16-be"),
    **{
        f"base64 after {n} bytes": lambda key, n=n: base64.b64encode(b"Bearer "[:n] + key.encode())
        for n in range(4)
    },
    "zip": lambda key: zip_file(key),
}


def zip_file(key):
    """Return a zip file with the key in a compressed file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("some.json", f"{key} " * 100)
    return data.getvalue()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_key_is_found_in_every_encoding(encoding, tmp_path):
    assert scan.find_files_with(tmp_path, PLANTED) == []
    for number, key in enumerate(KEYS):
        before, after = (b"", b"") if encoding == "zip" else (b"before ", b" after")
        (tmp_path / f"{number}.log").write_bytes(before + ENCODINGS[encoding](key) + after)
    assert len(scan.find_files_with(tmp_path, PLANTED)) == len(KEYS)


def test_keys_of_the_tests_are_usable():
    assert len({Secret(key).reveal() for key in scan.KEYS}) == 6
    assert {scan.KEYS[(scan.NUMBER + n) % 6] for n in range(6)} == {*scan.KEYS}


def test_key_in_a_file_name_is_found(tmp_path):
    (tmp_path / f"{PLANTED}.png").touch()
    assert len(scan.find_files_with(tmp_path, PLANTED)) == 1


def test_every_name_of_a_file_with_the_key_is_found(tmp_path):
    (tmp_path / "a").write_text(PLANTED)
    (tmp_path / "b").write_text("nothing")
    for name in "cd":
        os.link(tmp_path / "a", tmp_path / name)
        os.link(tmp_path / "b", tmp_path / f"not-{name}")
    (tmp_path / "broken-link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert {Path(path).name for path in scan.find_files_with(tmp_path, PLANTED)} == {"a", "c", "d"}


@pytest.fixture
def planted():
    """Run a process with the key in its arguments until the end of the test."""
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, PLANTED], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_key_in_a_process_argument_is_found(planted, tmp_path):
    scanner = scan.ProcessScanner(tmp_path / "lock", PLANTED)
    wait_until(lambda: scanner.matches)
    assert PLANTED.encode() in scanner.stop().pop()


def test_second_scanner_scans_only_after_the_first_has_stopped(planted, tmp_path):
    first, second = (scan.ProcessScanner(tmp_path / "lock", PLANTED) for _ in range(2))
    wait_until(lambda: first.matches or second.matches)
    active, waiting = (first, second) if first.matches else (second, first)
    assert waiting.matches == set()
    active.stop()
    wait_until(lambda: waiting.matches)
    waiting.stop()


LEAK = f"""
import pytest
from tests import scan
from tests.conftest import key_is_found_nowhere

scan.find_files_with.__defaults__ = ("{PLANTED}",)

def test_leak(tmp_path):
    (tmp_path / "some.log").write_text("{PLANTED}")
"""


def test_run_fails_if_a_test_writes_the_key():
    """Uses the fixture of conftest.py in a separate run outside the folder of this one."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_leak.py").write_text(LEAK)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   f"--basetemp={folder}/run", f"--rootdir={folder}", "test_leak.py"]  # fmt: skip
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        env.pop("PYTEST_XDIST_WORKER", None)
        run = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    assert "the key stands in ['" in run.stdout
    assert "1 passed, 1 error" in run.stdout
    assert run.returncode == 1
