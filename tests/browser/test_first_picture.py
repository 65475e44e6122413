"""Cells, cards and pictures in JupyterLab with the sandbox."""

import json
import re

import nbformat
import pytest

from liangxin_nb.ledger import Ledger

from .. import hostile
from ..conftest import wait_until
from .escaping import assert_only_text

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
LOAD = "%load_ext liangxin_nb"
PROMPT = "A lighthouse on a cliff, storm coming in"
ASK = f"%%liangxin --seed 7\n{PROMPT}"
VIEW = "application/vnd.jupyter.widget-view+json"
WAIT = f"%%liangxin --wait --out job --seed 7\n{PROMPT}"
RUNNING = "(Waiting|Queuing|Generating)"
#: The end of the caption of the picture that has replaced a card.
CAPTION = "open the original\\s*$"
#: Counts the widgets that the kernel keeps.
COUNT = "import ipywidgets; len(ipywidgets.widget._instances)"


def open_ledger(lab):
    """Open the ledger of the notebooks' folder."""
    return Ledger(lab.results / "ledger.sqlite")


def saved_outputs(lab, page, cell):
    """Read the outputs of a cell from the saved file, without the buttons and their place."""
    outputs = nbformat.read(lab.root / page.path, 4).cells[cell].outputs
    return [output for output in outputs if output.data["text/plain"]]


def save_until(lab, page, cell, is_expected):
    """Save until the file has the expected output: the server writes what is ready in time."""

    def saved():
        page.save()
        (output,) = saved_outputs(lab, page, cell)
        return output if is_expected(output) else None

    return wait_until(saved)


def test_card_is_updated_while_another_cell_is_busy(notebook, service, busy_cell):
    service.stop_time()
    page = notebook([LOAD, ASK, busy_cell.source])
    assert "sandbox" in page.run_and_wait(0)
    page.run_and_wait(1)
    page.run(2)
    assert "Sandbox: drawn on this machine" in page.wait_text(1, "Waiting")
    service.move_to("generating")
    page.wait_text(1, "Generating")
    page.screenshot("card-live", 1)
    height = output_height(page, 1)
    service.move_to("success")
    page.wait("shows", 1, CAPTION)
    assert page.is_busy(2), "the picture came while the other cell was busy"
    (image,) = page.images(1)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    assert image["width"] >= 640
    assert output_height(page, 1) == height, "nothing below the card has moved"
    page.screenshot("picture-done")


def output_height(page, cell):
    """Return the height of the outputs of a cell in CSS pixels."""
    outputs = page.page.locator(page._selector(cell)).locator(".jp-Cell-outputArea")
    return round(outputs.bounding_box()["height"])


def test_picture_stays_in_the_saved_notebook_without_a_kernel(notebook, lab):
    page = notebook([LOAD, ASK, COUNT])
    page.run_and_wait(0)
    before = page.run_and_wait(2)
    page.run_and_wait(1)
    page.wait("shows", 1, CAPTION)
    wait_until(lambda: page.run_and_wait(2) == before)  # no widget of the card is left
    (image,) = page.images(1)
    page.save()
    (output,) = saved_outputs(lab, page, 1)
    assert f'alt="{PROMPT}"' in output.data["text/html"]
    assert set(output.data) == {"text/html", "text/plain"}
    assert len(json.dumps(output)) <= 64 * 1024
    assert output.metadata.liangxin.task_id in output.data["text/plain"]
    page.shut()

    again = notebook(page.path, kernel=False)
    assert again.images(1) == [image]
    again.screenshot("picture-reopened-without-kernel")


def test_detach_ends_a_waiting_cell_and_collect_saves_the_picture(notebook, lab, service):
    service.stop_time()
    page = notebook([LOAD, WAIT])
    page.run_and_wait(0)
    page.run(1)
    page.wait_text(1, RUNNING)
    page.click(1, "Stop watching")
    page.wait_done(1)
    text = page.wait_text(1, "Detached \\(still running\\)")
    task_id = re.search(r"task_[\w.-]+", text)[0]
    assert service.states()[task_id] == "waiting", "the wait ended before the task did"
    assert "it may be billed" in text
    assert f"%liangxin resume {task_id}" in text
    assert open_ledger(lab).find(task_id).status == "submitted"
    page.screenshot("card-detached", 1)
    page.click(1, "Collect")
    page.wait_text(1, RUNNING)
    service.move_to("success")
    wait_until(lambda: page.images(1))
    assert open_ledger(lab).find(task_id).status == "saved"
    assert [image["mime"] for image in page.images(1)] == ["image/jpeg"]


def test_notice_of_an_interrupt_is_removed_when_the_picture_arrives(notebook, lab, service):
    service.stop_time()
    page = notebook([LOAD, WAIT])
    page.run_and_wait(0)
    page.run(1)
    page.wait_text(1, "Waiting")
    page.interrupt()
    page.wait_done(1)
    page.wait_text(1, "Interrupted: no longer waiting")
    page.screenshot("interrupted", 1)
    service.move_to("success")
    page.wait("shows", 1, CAPTION)
    wait_until(lambda: "Interrupted" not in page.text(1))
    page.save()
    outputs = nbformat.read(lab.root / page.path, 4).cells[1].outputs
    assert {output.output_type for output in outputs} == {"display_data"}


def test_interrupt_ends_the_wait_and_resume_collects_the_task(notebook, lab, service):
    service.stop_time()
    page = notebook([LOAD, WAIT, "job.task_id", "%liangxin resume"])
    page.run_and_wait(0)
    page.run(1)
    page.wait_text(1, "Waiting")
    service.move_to("generating")
    page.wait_text(1, "Generating")
    page.interrupt()
    page.wait_done(1)
    text = page.wait_text(1, "Interrupted")
    assert "Traceback" not in text
    task_id = page.run_and_wait(2).strip("'")
    assert task_id in text
    assert service.states()[task_id] == "generating", "the wait ended before the task did"
    page.restart()
    page.run_and_wait(0)
    page.run_and_wait(3)
    service.move_to("success")
    wait_until(lambda: open_ledger(lab).find(task_id).status == "saved")
    assert "unconfirmed" not in open_ledger(lab).count_by_status()


def test_reloaded_page_shows_the_card_and_its_notebook_is_saved_with_the_picture(
    notebook, lab, service
):
    service.stop_time()
    page = notebook([LOAD, ASK])
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "Waiting")
    output = save_until(lab, page, 1, lambda output: "text/html" in output.data)
    assert f"%liangxin resume {output.metadata.liangxin.task_id}" in output.data["text/html"]
    assert VIEW in output.data
    page.reload()
    page.wait_text(1, RUNNING)
    service.move_to("success")
    page.wait_text(1, "Done[^]*written into the notebook file when")
    (image,) = page.images(1)
    assert image["alt"] == PROMPT
    picture = page.page.locator(".lx-card .lx-picture").bounding_box()
    words = page.page.locator(".lx-card .lx-prompt").bounding_box()
    assert words["y"] >= picture["y"] + picture["height"], "the prompt is below the picture"
    page.screenshot("card-done-after-reload", 1)
    save_until(lab, page, 1, lambda output: VIEW not in output.data)
    save_until(lab, page, 1, lambda output: output.metadata.liangxin.status == "saved")
    page.shut()

    again = notebook(page.path, kernel=False)
    assert len(again.images(1)) == 1
    again.screenshot("saved-after-reload", 1)


#: One notebook for several tests; each test runs other cells.
CELLS = {
    "load": LOAD,
    "wrong value": "%%liangxin --aspect 7:5\na cat",
    "rejected": "%%liangxin no-such-model --any-model --wait\na cat",
    "rejected later": f"%%liangxin no-such-model --any-model\n{hostile.TEXT}",
    "job": "import liangxin_nb as lx\nlx.generate('a garden in spring', size='square')",
    "card": "%%liangxin\n" + f"雨夜的咖啡馆，石板路上的灯光 {hostile.TEXT} & so on, " * 4,
    "doctor": "%liangxin doctor",
    "tasks": "%liangxin tasks",
    "credits": "%liangxin credits",
    "help": "%liangxin",
    "empty": "",
}
CELL = {name: number for number, name in enumerate(CELLS)}


@pytest.fixture
def loaded(notebook):
    """Open the notebook with the cells above and run the first cell."""
    page = notebook(list(CELLS.values()), shared=True)
    if page.prompt(0) == "[ ]":
        page.run_and_wait(0)
    return page


def test_invalid_value_fails_the_cell_with_one_line(loaded):
    assert loaded.run_and_wait(CELL["wrong value"]) == (
        "InvalidRequestError: aspect_ratio '7:5' is not one of 1:1, 3:4, 9:16, 4:3, 16:9. "
        "Nothing was sent, nothing was billed. %liangxin models z-image lists its inputs."
    )


def test_rejected_request_fails_the_waiting_cell_with_one_line(loaded):
    loaded.run_and_wait(CELL["rejected"])
    text = loaded.wait_text(CELL["rejected"], "APIError")
    assert "unsupported model: no-such-model" in text
    assert "Traceback" not in text
    loaded.screenshot("rejected", CELL["rejected"])


def test_rejected_request_without_wait_stays_in_the_saved_notebook(loaded, lab):
    cell = CELL["rejected later"]
    loaded.run_and_wait(cell)
    loaded.wait_text(cell, "Rejected · no-such-model[^]*The service rejected the request \\(400\\)")
    loaded.save()
    (output,) = saved_outputs(lab, loaded, cell)
    assert set(output.data) == {"text/html", "text/plain"}


def test_tab_offers_models_options_and_values(loaded):
    cell = CELL["empty"]
    completions = loaded.type_and_tab(cell, "%%liangxin ")
    assert {"z-image", "seedream-v4-5", "--aspect", "--seed"} <= set(completions)
    assert loaded.type_and_tab(cell, "%%liangxin z-image --aspect 1") == ["1:1", "16:9"]
    assert "num_inference_steps=" in loaded.type_and_tab(cell, "%%liangxin z-image -o ")
    assert loaded.type_and_tab(cell, "%liangxin res") == ["restore", "resume"]


def test_job_as_the_last_line_shows_its_card_and_then_its_picture(loaded, service):
    service.stop_time()
    loaded.run_and_wait(CELL["job"])
    loaded.wait_text(CELL["job"], f"{RUNNING}[^]*a garden in spring")
    service.move_to("success")
    loaded.wait("shows", CELL["job"], CAPTION)
    assert [image["width"] for image in loaded.images(CELL["job"])] == [512]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cards_and_tables_are_readable_in_both_themes(loaded, service, theme):
    service.stop_time()
    loaded.set_theme(theme)
    for name in ("card", "doctor", "tasks", "credits", "help"):
        loaded.run_and_wait(CELL[name])
    loaded.wait_text(CELL["card"], "Waiting")
    service.move_to("generating")
    loaded.wait_text(CELL["card"], "Generating")
    loaded.screenshot(f"card-{theme}", CELL["card"])
    loaded.screenshot(f"tables-{theme}")
    loaded.set_theme("light")
    assert loaded.errors == []


def test_prompt_is_escaped_in_cards_and_tables(loaded):
    loaded.run_and_wait(CELL["rejected later"])
    loaded.wait_text(CELL["rejected later"], "Rejected")
    loaded.run_and_wait(CELL["tasks"])
    loaded.wait_text(CELL["tasks"], f"{hostile.SOURCE} onerror=")
    loaded.run_and_wait(CELL["card"])
    loaded.wait_text(CELL["card"], f"{hostile.SOURCE} onerror=")
    assert_only_text(loaded)
