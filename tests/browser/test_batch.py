"""A batch as a person meets it: one view with its bar and buttons, at the end one sheet."""

import json
import re
from collections import Counter

import nbformat
import pytest

from ..conftest import start_sandbox, wait_until
from ..scan import KEY
from .axe import findings
from .window import SIZE

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
    served = start_sandbox("--speed", "6")
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


def the_sheet(page, cell):
    """The one picture of a cell, once it is there."""
    (image,) = wait_until(lambda: page.images(cell))
    return image


def narrow(page, name):
    """The whole window at 800 px."""
    page.page.set_viewport_size({"width": 800, "height": 900})
    page.screenshot(name)
    page.page.set_viewport_size(SIZE)


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
    assert findings(page, ".lx-batch", height=900) == []
    page.wait_text(1, "20 of 20", timeout=90)
    text = page.wait_text(1, "Done, with failures")
    assert "17 done" in text
    assert "2 failed" in text
    page.wait("shows", 1, "Retry failed \\(3\\)")
    the_sheet(page, 1)
    page.screenshot(f"batch-failures-{theme}", 1)
    assert findings(page, ".lx-batch", 800, 900) == []
    narrow(page, f"batch-failures-{theme}-800")
    page.click(1, "Retry failed (3)")
    page.wait("shows", 1, "^\\s*$", timeout=60)
    (image,) = page.images(1)
    assert image["mime"] == "image/jpeg"
    page.screenshot(f"batch-done-{theme}", 1)
    page.save()
    outputs = nbformat.read(lab.root / page.path, 4).cells[1].outputs
    assert set(outputs[0].data) == {"image/jpeg", "text/plain"}
    assert page.errors == []


#: Asks more often than the documents allow, which only a sandbox of one's own may be asked.
HASTY = f"""{LOAD}
from liangxin_nb.current import use
from liangxin_nb.pacing import Pace
from liangxin_nb.session import Session
use(Session(pace=Pace(steps=((float("inf"), 0.3, 0.5),), spacing=0.05, creating=4)))"""


def test_a_large_batch_asks_first_is_steered_and_taken_up_after_a_restart(notebook, lab, service):
    misbehave(service)
    prompts = "\n".join(f"{WORDS[n % 4]}, {n} of 61" for n in range(61))
    page = notebook([HASTY, f"%%liangxin batch --size square --name lakes\n{prompts}", ""])
    page.run_and_wait(0)
    before = service.counters()

    def sent():
        return service.counters()["created"] - before["created"]

    page.run_and_wait(1)
    page.wait_text(1, "61 tasks would be created")
    page.screenshot("batch-asked", 1)
    assert findings(page, ".lx-card", height=900) == []
    told = service.counters()
    assert told["calls"].get("createTask") == before["calls"].get("createTask")
    assert ledger(lab).bundles(1) == [] or ledger(lab).bundles(1)[0].name != "lakes"

    page.click(1, "Send 61 tasks")
    page.wait_text(1, "[1-9]\\d* done")
    page.click(1, "Pause submitting")
    text = page.wait_text(1, "Paused · lakes|Paused")
    paused = sent()
    assert f"{61 - paused} not sent yet" in text
    narrow(page, "batch-paused-800")
    page.click(1, "Go on")
    page.wait_text(1, "Running[^]*[1-9]\\d* running")
    page.click(1, "Leave all")
    text = page.wait_text(1, "Left[^]*left \\(still running\\)")
    assert paused < sent() < 61
    id = re.search(r"Batch ([0-9a-f]{12})", text)[1]
    page.screenshot("batch-left", 1)
    # The kernel goes while requests are on their way: their answers go with it.
    misbehave(service, "create-slow:15")
    page.click(1, "Go on")
    page.wait_text(1, "Running")
    wait_until(lambda: ledger(lab).of_fate("sent"))
    page.restart()
    misbehave(service)
    assert 0 < sent() < 61, "the kernel went in the middle"
    page.run_and_wait(0)
    page.call("edit", 2, f"%liangxin batch {id}")
    page.run_and_wait(2)
    text = page.wait_text(2, "Done, some unknown", timeout=90)
    tickets = ledger(lab).of_batch(id)
    fates = Counter(ticket.fate for ticket in tickets)
    unknown = fates.pop("unknown")
    assert 1 <= unknown <= 4, "no more than are sent at once"
    assert fates == {"kept": 61 - unknown}
    assert f"{unknown} unknown (may be billed)" in text
    assert "Retry failed" not in text, "what may exist already is not asked for again"
    image = the_sheet(page, 2)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.screenshot("batch-taken-up", 2)
    assert len(tickets) == 61
    assert len({t.task_id for t in tickets if t.fate == "kept"}) == 61 - unknown
    calls = service.counters()["calls"]["createTask"] - before["calls"].get("createTask", 0)
    assert 61 - unknown <= sent() <= calls <= 61, "a task was created twice"
