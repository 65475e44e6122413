"""Front ends in a browser beside JupyterLab: the rows of the matrix that are quick to try."""

import pytest

from ..matrix.environments import running
from ..matrix.pages import PAGES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["notebook", "voila"])
def test_a_card_lives_and_a_picture_stays(name, tmp_path, chromium_browser):
    assert PAGES[name](running(), tmp_path, chromium_browser)
