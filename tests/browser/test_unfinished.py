"""Work that is not complete in JupyterLab: what stays in the notebook, and its buttons."""

import pytest
from playwright.sync_api import expect

from ..conftest import wait_until
from .axe import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
#: What is not there yet is not waited for, and the disk is full where the prompt says so.
LOAD = """\
%load_ext liangxin_nb
import errno, os
from liangxin_nb.engine import output_fetcher
from liangxin_nb.results import ResultStore
output_fetcher.PATIENCE_S, stage = 0.0, ResultStore.stage
def stage_or_fail(results, record):
    if "full" in record.request.prompt and not os.path.exists("free"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return stage(results, record)
ResultStore.stage = stage_or_fail"""
#: State, faults and cell of each row.
ROWS = {
    "Partly saved": (
        ["file-dead:2"],
        "%%liangxin a-model --any-model -o max_images=3\nThree lighthouses",
    ),
    "Result lost": (["file-404"], "%%liangxin\nA garden in spring"),
    "Unconfirmed": (["create-lost"], "%%liangxin\nA cafe terrace at night"),
    "Succeeded, not fetched": ([], "%%liangxin\nA harbour at full moon"),
    "Waiting for the file": (
        ["file-late:100"],
        "output_fetcher.PATIENCE_S = 180.0\nget_ipython().run_cell_magic("
        "'liangxin', '', 'A city in the snow')",
    ),
}
PARTS = ".lx-outcome, .lx-actions, .lx-card"


@pytest.fixture
def any_model(service):
    """Let the sandbox accept a model that makes several pictures."""
    service._state.any_model = True
    yield
    service._state.any_model = False


@pytest.mark.usefixtures("any_model")
def test_unfinished_work_keeps_its_words_and_buttons(notebook, lab, service):
    earlier = service.created  # by tests of other modules
    (lab.root / "free").unlink(missing_ok=True)
    page = notebook([LOAD, *(cell for _, cell in ROWS.values())])
    page.run_and_wait(0)
    for number, (state, (faults, _)) in enumerate(ROWS.items(), 1):
        service.faults.replace(faults)
        page.run_and_wait(number)
        page.wait_text(number, state)
    page.wait_text(1, "2 of 3 outputs are saved; no. 2 is missing[^]*Collect missing")
    page.wait_text(2, "the service keeps results until[^]*Try to collect again")
    page.click(3, "Again")
    page.wait_text(3, "A task for this request may exist already and may be billed")
    for theme in ("light", "dark"):
        page.set_theme(theme)
        page.screenshot(f"unfinished-{theme}")
        assert find_violations(page, PARTS) == []
    created = service.created
    service.faults.replace([])
    (lab.root / "free").touch()
    page.click(4, "Collect")
    page.click(1, "Collect missing")
    page.click(3, "Enter task id")
    page.page.get_by_label("Task id").fill(list(service.states())[earlier + 2])
    page.page.keyboard.press("Tab")
    page.screenshot("unfinished-id", 3)
    page.click(3, "Collect")
    for number in (1, 3, 4, 5):
        page.wait_text(number, "(open the original|Sandbox drawing)\\s*$")  # without buttons
        wait_until(lambda number=number: page.images(number))
    assert service.created == created, "nothing was sent again"
    page.save()
    page.shut()

    again = notebook(page.path, kernel=False)
    again.wait_text(2, "Result lost[^]*%liangxin resume task_")
    lost_buttons = again.page.locator("text=/Loading widget|Error displaying/ >> visible=true")
    expect(lost_buttons).to_have_count(0)
    again.screenshot("unfinished-reopened", 2)
