"""The cheap rows of the matrix, in the environment of the tests."""

import pytest

from .checks import CHECKS
from .environments import running

pytestmark = pytest.mark.slow
#: `jupyter execute` has tests of its own, and every tutorial goes through it.
ROWS = [name for name in CHECKS if name != "execute"]


@pytest.mark.parametrize("name", ROWS)
def test_a_front_end_shows_what_the_readme_says(name, tmp_path):
    assert CHECKS[name](running(), tmp_path)
