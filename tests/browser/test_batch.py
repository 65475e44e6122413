"""Batches in JupyterLab: a view with a progress bar and buttons, and a contact sheet at the end."""

import re
from collections import Counter
from itertools import count

import nbformat
import pytest

from liangxin_nb.ledger import Ledger

from .. import hostile
from ..conftest import wait_until
from ..scan import KEY
from .axe import find_violations
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
    """Return the sandbox with its clock stopped and without faults."""
    sandbox_service.stop_time()
    sandbox_service.faults.replace([])
    return sandbox_service


@pytest.fixture
def ledger(lab):
    """Open the ledger of the module's notebooks; it may not exist yet."""
    lab.results.mkdir(exist_ok=True)
    return Ledger(lab.results / "ledger.sqlite")


def wait_for_sheet(page, cell):
    """Wait for the only picture of a cell and return it."""
    (image,) = wait_until(lambda: page.images(cell))
    return image


def take_narrow_screenshot(page, name):
    """Take a screenshot of the window with a width of 800 px."""
    page.page.set_viewport_size({"width": 800, "height": 900})
    page.screenshot(name)
    page.page.set_viewport_size(SIZE)


# ---- twenty tasks, three of which fail

BATCH = 1
STARTED = count()


@pytest.fixture
def page(notebook):
    """Open one notebook; each test advances its batch as far as necessary."""
    return notebook([LOAD, ""], shared=True)


def advance_to_running(page, service):
    """Advance the batch until the first tasks have ended and the next ones are running."""
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


def advance_to_failures(page, service):
    """Advance the batch until it has ended with failures; the view stays above the sheet."""
    if page.prompt(BATCH) == "[ ]" or "Done, with failures" not in page.text(BATCH):
        advance_to_running(page, service)
        service.run_time()
    page.wait_text(BATCH, "20 of 20")
    page.wait_text(BATCH, "Done, with failures")
    page.wait_text(BATCH, "Retry failed \\(3\\)")
    wait_for_sheet(page, BATCH)


def advance_to_sheet(page, service):
    """Retry the failed tasks; only the sheet stays."""
    advance_to_failures(page, service)
    service.run_time()
    page.click(BATCH, "Retry failed (3)")
    page.wait("shows", BATCH, "^\\s*$")


@pytest.mark.parametrize("theme", THEMES)
def test_running_batch_is_displayed_in_one_view(page, service, theme):
    advance_to_running(page, service)
    page.set_theme(theme)
    page.screenshot(f"batch-live-{theme}", BATCH)
    assert find_violations(page, ".lx-batch", height=900) == []
    assert page.errors == []


def test_prompts_are_escaped_in_the_view(page, service):
    advance_to_failures(page, service)
    page.wait_text(BATCH, f"{hostile.SOURCE} onerror=|number")
    assert_only_text(page)


@pytest.mark.parametrize("theme", THEMES)
def test_batch_with_failures_keeps_its_view_above_its_sheet(page, service, theme):
    advance_to_failures(page, service)
    page.set_theme(theme)
    text = page.text(BATCH)
    assert "17 saved" in text
    assert "2 failed" in text
    page.screenshot(f"batch-failures-{theme}", BATCH)
    assert find_violations(page, ".lx-batch", 800, 900) == []
    take_narrow_screenshot(page, f"batch-failures-{theme}-800")
    assert page.errors == []


@pytest.mark.parametrize("theme", THEMES)
def test_batch_without_failures_ends_as_one_sheet(page, service, lab, theme):
    if page.prompt(BATCH) == "[ ]" or page.text(BATCH).strip():
        advance_to_sheet(page, service)
    page.set_theme(theme)
    (image,) = page.images(BATCH)
    assert image["mime"] == "image/jpeg"
    page.screenshot(f"batch-done-{theme}", BATCH)
    page.save()
    outputs = nbformat.read(lab.root / page.path, 4).cells[BATCH].outputs
    assert set(outputs[0].data) == {"image/jpeg", "text/plain"}
    assert page.errors == []


# ---- a large batch

#: Poll more often than the services allow; acceptable only with a local sandbox.
FAST_POLLING = f"""{LOAD}
from liangxin_nb.session.default import set_session
from liangxin_nb.polling import PollSchedule
from liangxin_nb import Session
schedule = PollSchedule(steps=((float("inf"), 0.3, 0.5),), poll_interval_s=0.05, create_period_s=4)
set_session(Session(schedule=schedule))"""
#: Default number of tasks in flight.
CONCURRENCY = 16
#: Maximum number of concurrent createTask requests.
MAX_CREATES = 4


def prepare_61_tasks(page, name):
    """Run a batch that is large enough to need a confirmation."""
    prompts = "\n".join(f"{WORDS[n % 3]}, {n} of 61, {name}" for n in range(61))
    page.call("edit", 1, f"%%liangxin batch --size square --name {name}\n{prompts}")
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "61 tasks would be created")


def test_large_batch_needs_a_confirmation(notebook, service, ledger):
    before = service.calls("createTask")
    page = notebook([FAST_POLLING, ""])
    prepare_61_tasks(page, "asked")
    page.screenshot("batch-asked", 1)
    assert find_violations(page, ".lx-card", height=900) == []
    assert service.calls("createTask") == before
    assert "asked" not in [batch_record.name for batch_record in ledger.list_batches(1)]


def test_large_batch_can_be_paused_resumed_and_detached(notebook, service):
    before = service.created
    page = notebook([FAST_POLLING, ""])
    prepare_61_tasks(page, "steered")

    page.click(1, "Send 61 tasks")
    wait_until(lambda: service.created == before + CONCURRENCY)
    page.wait_text(1, "16 running")
    page.click(1, "Pause submitting")
    page.wait_text(1, "Pausing")
    service.move_to("success")
    text = page.wait_text(1, "Paused")
    assert service.created == before + CONCURRENCY, "a paused batch sends nothing"
    assert f"{61 - CONCURRENCY} not sent yet" in text
    take_narrow_screenshot(page, "batch-paused-800")

    page.click(1, "Resume")
    wait_until(lambda: service.created == before + 2 * CONCURRENCY)
    page.wait_text(1, "Running[^]*16 running")
    page.click(1, "Stop watching all")
    page.wait_text(1, "Detached[^]*16 detached \\(still running\\)")
    assert service.created == before + 2 * CONCURRENCY, "a detached batch sends nothing"
    page.screenshot("batch-left", 1)


def test_batch_resumes_after_a_restart_and_sends_nothing_twice(notebook, service, ledger):
    created_before, calls_before = service.created, service.calls("createTask")
    page = notebook([FAST_POLLING, "", ""])
    prepare_61_tasks(page, "restarted")
    page.click(1, "Send 61 tasks")
    wait_until(lambda: service.created == created_before + CONCURRENCY)
    page.wait_text(1, "16 running")
    batch_id = re.search(r"Batch ([0-9a-f]{12})", page.text(1))[1]
    # The kernel ends while requests are in flight, so their responses are lost.
    service.faults.replace(["create-slow:3600"])
    service.move_to("success")
    # A status "submitting" in the ledger may also belong to one of the first 16 tasks.
    wait_until(lambda: service.created > created_before + CONCURRENCY)
    page.restart()
    service.faults.replace([])
    service.run_time()
    assert service.created < created_before + 61, "the kernel did not end in the middle"

    page.run_and_wait(0)
    page.call("edit", 2, f"%liangxin batch {batch_id}")
    page.run_and_wait(2)
    text = page.wait_text(2, "Done, some unconfirmed")
    records = ledger.jobs_of_batch(batch_id)
    counts = Counter(record.status for record in records)
    unconfirmed = counts.pop("unconfirmed")
    assert 1 <= unconfirmed <= MAX_CREATES
    assert counts == {"saved": 61 - unconfirmed}
    assert f"{unconfirmed} unconfirmed (may be billed)" in text
    assert "Retry failed" not in text, "unconfirmed tasks can be retried"
    image = wait_for_sheet(page, 2)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.screenshot("batch-resumed", 2)
    assert len({t.task_id for t in records if t.status == "saved"}) == 61 - unconfirmed
    calls = service.calls("createTask") - calls_before
    assert 61 - unconfirmed <= service.created - created_before <= calls <= 61, (
        "a task was created twice"
    )
