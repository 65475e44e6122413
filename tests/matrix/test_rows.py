"""The checks of the matrix that need no browser, in the environment of the tests."""

import pytest

from ..kernels import ipython_folder, service
from .checks import CHECKS
from .environments import running

pytestmark = pytest.mark.slow
#: These have their own tests.
ROWS = [name for name in CHECKS if name not in ("compat", "execute", "fast")]
#: These start a sandbox in their results folder.
OWN_SANDBOX = ("script", "terminal")


@pytest.mark.parametrize("name", ROWS)
def test_front_end_shows_what_the_readme_says(name, tmp_path, sandbox, monkeypatch):
    if name not in OWN_SANDBOX:
        for variable, value in service(sandbox).items():
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("LIANGXIN_BUDGET", str(tmp_path / "budget"))
    ipython_folder(tmp_path / ".home" / "ipython", (0.05, 0.1))
    assert CHECKS[name](running(), tmp_path)
