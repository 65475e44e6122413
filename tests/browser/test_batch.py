"""A batch as a person meets it: one view with its bar and buttons, at the end one sheet."""

import json
import time

import nbformat
import pytest

from ..conftest import serve
from ..scan import KEY

pytestmark = pytest.mark.browser
LOAD = "%load_ext liangxin_nb"
WORDS = (
    "a cafe terrace at night",
    "雨夜的咖啡馆，石板路上的灯光",
    "a lighthouse in a storm",
    "a cat",
)
PROMPTS = "\n".join(f"{WORDS[n % 4]}, number {n} <b>&amp;" for n in range(20))


@pytest.fixture(scope="module")
def service():
    served = serve("--speed", "6")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def lab_env(service):
    return {"LIANGXIN_BASE_URL": service.url, "LIANGXIN_API_KEY": KEY}


def ledger(lab):
    from liangxin_nb.ledger import Ledger

    return Ledger(lab.root / "liangxin-results" / "ledger.sqlite")


def misbehave(service, *faults):
    import urllib.request

    body = json.dumps({"faults": list(faults)}).encode()
    request = urllib.request.Request(f"{service.url}/sandbox/faults", body, method="PUT")
    urllib.request.urlopen(request).close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_batch_lives_in_one_view_and_ends_as_one_sheet(notebook, lab, service, theme):
    misbehave(service, "fail:500*2", "create-422-moderated*1")
    page = notebook([LOAD, f"%%liangxin batch --size square --window 6 --name rain\n{PROMPTS}"])
    page.set_theme(theme)
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "Running[^]*of 20")
    page.wait_text(1, "[4-9] of 20")
    page.screenshot(f"batch-live-{theme}", 1)
    page.wait_text(1, "20 of 20", timeout=90)
    text = page.wait_text(1, "Done, with failures")
    assert "17 done" in text
    assert "2 failed" in text
    page.wait("shows", 1, "Retry failed \\(3\\)")
    deadline = time.monotonic() + 20
    while not page.images(1) and time.monotonic() < deadline:
        time.sleep(0.2)
    page.screenshot(f"batch-failures-{theme}", 1)
    page.click(1, "Retry failed (3)")
    page.wait("shows", 1, "^\\s*$", timeout=60)
    (image,) = page.images(1)
    assert image["mime"] == "image/jpeg"
    page.screenshot(f"batch-done-{theme}", 1)
    page.save()
    outputs = nbformat.read(lab.root / page.path, 4).cells[1].outputs
    assert set(outputs[0].data) == {"image/jpeg", "text/plain"}
    assert page.errors == []
