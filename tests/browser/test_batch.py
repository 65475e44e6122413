"""Batches in JupyterLab: a view with buttons, and at the end pictures, captions and reasons."""

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
    "مقهى في الليل تحت المطر",
    "रात में एक कैफ़े की छत",
    "בית קפה בלילה",
    "a boat 🚣 on a lake",
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


def take_narrow_screenshot(page, name):
    """Take a screenshot of the window with a width of 800 px."""
    page.page.set_viewport_size({"width": 800, "height": 900})
    page.screenshot(name)
    page.page.set_viewport_size(SIZE)


# ---- twenty tasks, three of which fail

BATCH, RETRY = 1, 2
STARTED = count()


@pytest.fixture
def page(notebook):
    """Open one notebook; each test advances its batch as far as necessary."""
    return notebook([LOAD, "", ""], shared=True)


def advance_to_running(page, service):
    """Advance the batch until the first tasks have ended and the next ones are running."""
    if page.prompt(0) == "[ ]":
        page.run_and_wait(0)
    if page.prompt(BATCH) != "[ ]" and "Running" in page.text(BATCH):
        return
    service.faults.replace(["fail:500*2", "create-422-moderated*1"])
    before = service.created
    attempt = next(STARTED)
    prompts = "\n".join(
        f"{WORDS[n % len(WORDS)]}, number {n} of attempt {attempt}" for n in range(20)
    )
    page.call(
        "edit", BATCH, f"%%liangxin batch --size square --concurrency 6 --name rain\n{prompts}"
    )
    page.run_and_wait(BATCH)
    wait_until(lambda: service.created == before + 6)
    page.wait_text(BATCH, "6 running")
    service.move_to("success")
    page.wait_text(BATCH, "6 running[^]*7 of 20")
    wait_until(lambda: len(page.images(BATCH)) == 4)


def advance_to_failures(page, service):
    """Advance the batch until it has ended with failures."""
    if page.prompt(BATCH) == "[ ]" or "Done, with failures" not in page.text(BATCH):
        advance_to_running(page, service)
        service.run_time()
    page.wait_text(BATCH, "20 tasks: 17 saved, 2 failed, 1 rejected")
    wait_until(lambda: len(page.images(BATCH)) == 17)


def advance_to_sheet(page, service):
    """Retry the failed tasks with the command that the output names."""
    if page.prompt(BATCH) != "[ ]" and "20 tasks: 20 saved" in page.text(BATCH):
        return
    advance_to_failures(page, service)
    service.run_time()
    command = re.search(r"%liangxin batch \w+ --retry", page.text(BATCH))[0]
    page.call("edit", RETRY, command)
    page.run_and_wait(RETRY)
    for cell in (BATCH, RETRY):
        page.wait_text(cell, "20 tasks: 20 saved")


@pytest.mark.parametrize("theme", THEMES)
def test_running_batch_shows_its_pictures_as_they_arrive(page, service, theme):
    advance_to_running(page, service)
    page.set_theme(theme)
    page.screenshot(f"batch-live-{theme}", BATCH)
    assert find_violations(page, ".lx-batch", height=900) == []
    assert page.errors == []


def test_prompts_are_escaped_in_the_output(page, service):
    advance_to_failures(page, service)
    page.wait_text(BATCH, f"{hostile.SOURCE} onerror=|number")
    assert_only_text(page)


@pytest.mark.parametrize("theme", THEMES)
def test_batch_with_failures_ends_as_pictures_and_a_table_of_reasons(page, service, theme):
    advance_to_failures(page, service)
    page.set_theme(theme)
    assert "The prompt was rejected by the content moderation." in page.text(BATCH)
    page.screenshot(f"batch-failures-{theme}", BATCH)
    assert find_violations(page, ".lx-sheet", 800, 900) == []
    take_narrow_screenshot(page, f"batch-failures-{theme}-800")
    assert page.errors == []


@pytest.mark.parametrize("theme", THEMES)
def test_retried_batch_shows_all_pictures_in_both_cells(page, service, theme):
    advance_to_sheet(page, service)
    page.set_theme(theme)
    for cell in (BATCH, RETRY):
        wait_until(lambda cell=cell: len(page.images(cell)) == 20)
    page.screenshot(f"batch-done-{theme}", BATCH)
    assert page.errors == []


def test_saved_batch_is_shown_without_a_kernel(page, service, notebook, lab, ledger):
    advance_to_sheet(page, service)
    page.save()
    path = page.path
    (output,) = nbformat.read(lab.root / path, 4).cells[BATCH].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    assert len(output.metadata["liangxin"]["task_ids"]) == 20
    page.shut()
    reopened = notebook(path, kernel=False)
    images = reopened.images(BATCH)
    assert all(image["visible"] for image in images)
    prompts = ledger.jobs_of_batch(output.metadata["liangxin"]["batch"])
    assert {image["alt"] for image in images} == {record.request.prompt for record in prompts}
    reopened.screenshot("batch-reopened", BATCH)


#: Prints the number of widgets in the kernel.
WIDGETS = "from ipywidgets.widgets import widget; print(len(widget._instances))"


def output_size(page, cell):
    """Return height of a cell's output in pixels, and the place of its first picture or frame."""
    return page.page.evaluate(
        """selector => {
            const output = document.querySelector(selector).querySelector(".jp-Cell-outputArea");
            const area = output.getBoundingClientRect();
            const first = output.querySelector("figure").getBoundingClientRect();
            return [area.height, first.x - area.x, first.y - area.y];
        }""",
        page._selector(cell),
    )


def test_end_of_a_batch_moves_nothing_and_leaves_no_widget(notebook, service):
    page = notebook([LOAD, "%%liangxin batch --size square\na lake\na cat\na harbour", WIDGETS])
    page.run_and_wait(0)
    before_widgets = page.run_and_wait(2)
    page.run_and_wait(1)
    page.wait_text(1, "3 running")
    before = output_size(page, 1)
    service.run_time()
    page.wait_text(1, "3 tasks: 3 saved")
    wait_until(lambda: len(page.images(1)) == 3)
    assert output_size(page, 1) == pytest.approx(before, abs=4)
    wait_until(lambda: page.run_and_wait(2) == before_widgets)  # they would be saved, too


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
    images = wait_until(lambda: page.images(2))
    assert all(image["visible"] for image in images)
    page.screenshot("batch-resumed", 2)
    assert len({t.task_id for t in records if t.status == "saved"}) == 61 - unconfirmed
    calls = service.calls("createTask") - calls_before
    assert 61 - unconfirmed <= service.created - created_before <= calls <= 61, (
        "a task was created twice"
    )
