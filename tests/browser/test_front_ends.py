"""Front ends other than JupyterLab in a browser: the fast rows of `make matrix`."""

import pytest

from ..matrix.environments import running
from ..matrix.pages import PAGES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["notebook", "voila"])
def test_front_end_shows_a_live_card_and_then_the_picture(name, tmp_path, chromium_browser):
    assert PAGES[name](running(), tmp_path, chromium_browser)
