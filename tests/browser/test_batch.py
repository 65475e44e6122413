"""A batch as a person meets it: one view with its bar and buttons, at the end one sheet."""

import re
from collections import Counter
from itertools import count

import nbformat
import pytest

from liangxin_nb.ledger import Ledger

from .. import hostile
from ..conftest import wait_until
from ..scan import KEY
from .axe import findings
from .escaping import assert_only_text
from .window import SIZE

pytestmark = pytest.mark.slow
LOAD = "%load_ext liangxin_nb"
WORDS = (
    "a cafe terrace at night",
    "雨夜的咖啡馆，石板路上的灯光",
    "a lighthouse in a storm",
    f"a cat {hostile.TEXT}",
)
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def lab_env(sandbox_service):
    return {"LIANGXIN_BASE_URL": sandbox_service.url, "LIANGXIN_API_KEY": KEY}


@pytest.fixture
def service(sandbox_service):
    """The sandbox, with its time standing still: nothing goes on until a test lets it."""
    sandbox_service.stop_time()
    sandbox_service.faults.replace([])
    return sandbox_service


@pytest.fixture
def ledger(lab):
    """The ledger of the module's notebooks, also before any has asked for anything."""
    lab.results.mkdir(exist_ok=True)
    return Ledger(lab.results / "ledger.sqlite")


def sheet_of(page, cell):
    """The one picture of a cell, once it is there."""
    (image,) = wait_until(lambda: page.images(cell))
    return image


def narrow(page, name):
    """The whole window at 800 px."""
    page.page.set_viewport_size({"width": 800, "height": 900})
    page.screenshot(name)
    page.page.set_viewport_size(SIZE)


# ---- twenty tasks, of which three go wrong

BATCH = 1
STARTED = count()


@pytest.fixture
def page(notebook):
    """One notebook; each test brings the batch in it as far as it needs."""
    return notebook([LOAD, ""], shared=True)


def bring_to_running(page, service):
    """The batch runs: the first tasks of its window have ended, the next ones wait."""
    if page.prompt(0) == "[ ]":
        page.run_and_wait(0)
    if page.prompt(BATCH) != "[ ]" and "Running" in page.text(BATCH):
        return
    service.faults.replace(["fail:500*2", "create-422-moderated*1"])
    before = service.created
    attempt = next(STARTED)
    prompts = "\n".join(f"{WORDS[n % 4]}, number {n} of attempt {attempt}" for n in range(20))
    page.call(
        "edit", BATCH, f"%%liangxin batch --size square --concurrency 6 --name rain\n{prompts}"
    )
    page.run_and_wait(BATCH)
    wait_until(lambda: service.created == before + 6)
    page.wait_text(BATCH, "6 running")
    service.move_to("success")
    page.wait_text(BATCH, "7 of 20[^]*6 running")


def bring_to_failures(page, service):
    """All has ended, some of it badly; the view stays, the sheet stands below it."""
    if page.prompt(BATCH) == "[ ]" or "Done, with failures" not in page.text(BATCH):
        bring_to_running(page, service)
        service.run_time()
    page.wait_text(BATCH, "20 of 20")
    page.wait_text(BATCH, "Done, with failures")
    page.wait_text(BATCH, "Retry failed \\(3\\)")
    sheet_of(page, BATCH)


def bring_to_sheet(page, service):
    """What has failed has been asked for again; the sheet is all that stays."""
    bring_to_failures(page, service)
    service.run_time()
    page.click(BATCH, "Retry failed (3)")
    page.wait("shows", BATCH, "^\\s*$")


@pytest.mark.parametrize("theme", THEMES)
def test_a_running_batch_is_one_view(page, service, theme):
    bring_to_running(page, service)
    page.set_theme(theme)
    page.screenshot(f"batch-live-{theme}", BATCH)
    assert findings(page, ".lx-batch", height=900) == []
    assert page.errors == []


def test_prompts_are_text_in_the_view(page, service):
    bring_to_failures(page, service)
    page.wait_text(BATCH, f"{hostile.SOURCE} onerror=|number")
    assert_only_text(page)


@pytest.mark.parametrize("theme", THEMES)
def test_a_batch_with_failures_keeps_its_view_above_its_sheet(page, service, theme):
    bring_to_failures(page, service)
    page.set_theme(theme)
    text = page.text(BATCH)
    assert "17 saved" in text
    assert "2 failed" in text
    page.screenshot(f"batch-failures-{theme}", BATCH)
    assert findings(page, ".lx-batch", 800, 900) == []
    narrow(page, f"batch-failures-{theme}-800")
    assert page.errors == []


@pytest.mark.parametrize("theme", THEMES)
def test_a_batch_without_failures_ends_as_one_sheet(page, service, lab, theme):
    if page.prompt(BATCH) == "[ ]" or page.text(BATCH).strip():
        bring_to_sheet(page, service)
    page.set_theme(theme)
    (image,) = page.images(BATCH)
    assert image["mime"] == "image/jpeg"
    page.screenshot(f"batch-done-{theme}", BATCH)
    page.save()
    outputs = nbformat.read(lab.root / page.path, 4).cells[BATCH].outputs
    assert set(outputs[0].data) == {"image/jpeg", "text/plain"}
    assert page.errors == []


# ---- a large batch

#: Asks more often than the documents allow, which only a sandbox of one's own may be asked.
HASTY = f"""{LOAD}
from liangxin_nb.session.default import set_session
from liangxin_nb.polling import PollSchedule
from liangxin_nb import Session
pace = PollSchedule(steps=((float("inf"), 0.3, 0.5),), poll_interval_s=0.05, create_period_s=4)
set_session(Session(schedule=pace))"""
#: Tasks that are at the service at once, unless told otherwise.
WINDOW = 16
#: createTask calls that are on their way at once.
AT_ONCE = 4


def ask_for_61(page, name):
    """Run a batch that is large enough to be asked about first."""
    prompts = "\n".join(f"{WORDS[n % 3]}, {n} of 61, {name}" for n in range(61))
    page.call("edit", 1, f"%%liangxin batch --size square --name {name}\n{prompts}")
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "61 tasks would be created")


def test_a_large_batch_is_asked_about_first(notebook, service, ledger):
    before = service.calls("createTask")
    page = notebook([HASTY, ""])
    ask_for_61(page, "asked")
    page.screenshot("batch-asked", 1)
    assert findings(page, ".lx-card", height=900) == []
    assert service.calls("createTask") == before
    assert "asked" not in [batch_record.name for batch_record in ledger.list_batches(1)]


def test_a_large_batch_is_paused_and_goes_on_and_is_left(notebook, service):
    before = service.created
    page = notebook([HASTY, ""])
    ask_for_61(page, "steered")

    page.click(1, "Send 61 tasks")
    wait_until(lambda: service.created == before + WINDOW)
    page.wait_text(1, "16 running")
    page.click(1, "Pause submitting")
    page.wait_text(1, "Pausing")
    service.move_to("success")
    text = page.wait_text(1, "Paused")
    assert service.created == before + WINDOW, "a paused batch sends nothing"
    assert f"{61 - WINDOW} not sent yet" in text
    narrow(page, "batch-paused-800")

    page.click(1, "Go on")
    wait_until(lambda: service.created == before + 2 * WINDOW)
    page.wait_text(1, "Running[^]*16 running")
    page.click(1, "Leave all")
    page.wait_text(1, "Left[^]*16 detached \\(still running\\)")
    assert service.created == before + 2 * WINDOW, "a batch that was left sends nothing"
    page.screenshot("batch-left", 1)


def test_a_batch_is_taken_up_after_a_restart_and_sends_nothing_twice(notebook, service, ledger):
    created, called = service.created, service.calls("createTask")
    page = notebook([HASTY, "", ""])
    ask_for_61(page, "restarted")
    page.click(1, "Send 61 tasks")
    wait_until(lambda: service.created == created + WINDOW)
    page.wait_text(1, "16 running")
    id = re.search(r"Batch ([0-9a-f]{12})", page.text(1))[1]
    # The kernel goes while requests are on their way: their answers go with it.
    service.faults.replace(["create-slow:3600"])
    service.move_to("success")
    wait_until(lambda: "submitting" in [record.status for record in ledger.jobs_of_batch(id)])
    page.restart()
    service.faults.replace([])
    service.run_time()
    assert service.created < created + 61, "the kernel went in the middle"

    page.run_and_wait(0)
    page.call("edit", 2, f"%liangxin batch {id}")
    page.run_and_wait(2)
    text = page.wait_text(2, "Done, some unconfirmed")
    records = ledger.jobs_of_batch(id)
    fates = Counter(record.status for record in records)
    unknown = fates.pop("unconfirmed")
    assert 1 <= unknown <= AT_ONCE
    assert fates == {"saved": 61 - unknown}
    assert f"{unknown} unconfirmed (may be billed)" in text
    assert "Retry failed" not in text, "what may exist already is not asked for again"
    image = sheet_of(page, 2)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.screenshot("batch-taken-up", 2)
    assert len({t.task_id for t in records if t.status == "saved"}) == 61 - unknown
    calls = service.calls("createTask") - called
    assert 61 - unknown <= service.created - created <= calls <= 61, "a task was created twice"
