"""What a type checker says of calls of the public functions."""

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "typing"
ROOT = FOLDER.parent.parent


def reported(name):
    """Run `mypy --strict` on a sample.

    Returns:
        The line number and the error code of each error.
    """
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", str(FOLDER / name)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(rf"{name}:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert bool(found) == bool(done.returncode), done.stdout
    return {(int(line), code) for line, code in found}


def test_every_public_call_is_accepted():
    assert reported("public_calls.py") == set()


def test_every_misuse_is_reported_with_its_code():
    lines = (FOLDER / "misuses.py").read_text().splitlines()
    expected = {
        (number, line.partition("# error: ")[2])
        for number, line in enumerate(lines, 1)
        if "# error: " in line
    }
    assert len(expected) >= 5
    assert expected <= reported("misuses.py")
