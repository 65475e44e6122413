"""A copy of the checkout that mutations are applied to; the checkout itself is never changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_checkout(target, afresh=()):
    """Copy every file that git knows or would add (ignored ones are left out).

    Args:
        target: A new folder, or an older copy to bring up to date.
        afresh: Folders of an older copy that are removed first, with files that are gone now.
    """
    for folder in afresh:
        shutil.rmtree(target / folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def environment(copy, **more):
    """The environment in which Python, in subprocesses too, imports the copy.

    PYTHONPATH comes before the path of the editable installation. No byte code is written: a
    mutation may change neither the size of a file nor the second of its last change, and Python
    would then go on using the old byte code.
    """
    return {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", **more}


def assert_copy_is_imported(copy):
    """Stop if Python started in some other folder would import the package from elsewhere."""
    code = "import liangxin_nb, tests; print(liangxin_nb.__file__); print(tests.__file__)"
    command = [sys.executable, "-c", code]
    found = subprocess.run(
        command, cwd="/", env=environment(copy), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if found != [str(copy / "liangxin_nb/__init__.py"), str(copy / "tests/__init__.py")]:
        raise SystemExit(f"The tests would not import the mutated copy {copy}, but {found}.")
