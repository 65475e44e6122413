"""A key that a cell shows is not in the saved file; of one in a source the user is informed."""

import json

import pytest

from ..scan import KEY, MARK

pytestmark = pytest.mark.slow
OTHER = "sk-" + "Pl4nt3dK3yOfTh1sT3st"
SHOW, SOURCE, NEXT = 1, 2, 3
CELLS = [
    "%load_ext liangxin_nb",
    "import os\nkey = os.environ['LIANGXIN_API_KEY']\nprint('The key:', key)\n{'key': key}",
    f"import liangxin_nb as lx\nsession = lx.Session(profile='kie', key={OTHER!r})",
    "'the next cell'",
]


@pytest.fixture(scope="module")
def lab_env():
    return {"LIANGXIN_BASE_URL": "https://api.example.com", "LIANGXIN_API_KEY": KEY}


def test_shown_key_is_not_saved_and_a_written_one_is_reported(notebook, lab):
    page = notebook(CELLS)
    for cell in range(3):
        page.run_and_wait(cell)
    assert MARK in page.text(SHOW)
    page.save()
    page.screenshot("key-before-the-notice")
    content = (lab.root / page.path).read_text()
    assert MARK not in content
    outputs = json.loads(content)["cells"][SHOW]["outputs"]
    assert outputs[0]["text"] == ["The key: ••••••\n"]
    assert outputs[1]["data"]["text/plain"] == ["{'key': '••••••'}"]
    assert content.count(OTHER) == 1
    notice = page.run_and_wait(NEXT)
    assert "This notebook was saved with a key in use in the source of cell 3" in notice
    assert "Dots were saved instead of a key in use in the output of cell 2." in notice
    page.screenshot("key-notice")
    log = lab.home.log.read_text()
    assert "contains a key in use in the output of cell 2 and the source of cell 3" in log
    assert MARK not in log
    assert OTHER not in log
    page.save()
    assert "saved with" not in page.run_and_wait(NEXT)
    page.shut()
    page = notebook(page.path, kernel=False)
    assert "The key: ••••••" in page.text(SHOW)
    page.screenshot("key-in-the-file")
