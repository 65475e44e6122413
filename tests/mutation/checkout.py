"""Copies of the checkout for mutations; the checkout itself is never changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_checkout(target, removed_first=()):
    """Copy all files that git does not ignore.

    Args:
        target: A new folder, or an older copy to update.
        removed_first: Folders of an older copy that may contain files that no longer exist.
    """
    for folder in removed_first:
        shutil.rmtree(target / folder, ignore_errors=True)
    output = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, output.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def environment(copy, **variables):
    """Return environment variables with which Python imports the copy.

    PYTHONPATH precedes the path of the editable installation. No byte code is written: Python
    would use outdated byte code if a mutation changes neither size nor modification time (in
    seconds) of a file.
    """
    return {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def assert_copy_is_imported(copy):
    """Exit if Python would not import the copy when started in another folder."""
    code = "import liangxin_nb, tests; print(liangxin_nb.__file__); print(tests.__file__)"
    command = [sys.executable, "-c", code]
    imported = subprocess.run(
        command, cwd="/", env=environment(copy), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if imported != [str(copy / "liangxin_nb/__init__.py"), str(copy / "tests/__init__.py")]:
        raise SystemExit(f"The tests would not import the mutated copy {copy}, but {imported}.")
