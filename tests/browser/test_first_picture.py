"""The first picture as a person meets it: a real JupyterLab, a real browser, the real sandbox."""

import json
import re
import time

import nbformat
import pytest

from ..scan import KEY

pytestmark = pytest.mark.browser
LOAD = "%load_ext liangxin_nb"
ASK = "%%liangxin --seed 7\nA small cafe terrace at night, rain on the stones"
#: The slower model, for what has to happen while a task runs.
SLOW = "%%liangxin seedream-v4-5 --seed 7\nA lighthouse on a cliff, storm coming in"


@pytest.fixture(scope="module")
def lab_env():
    return {"LIANGXIN_SPEED": "1.5", "LIANGXIN_SANDBOX_KEY": KEY}


def ledger(lab):
    """The ledger of the notebooks' folder."""
    from liangxin_nb.ledger import Ledger

    return Ledger(lab.root / "liangxin-results" / "ledger.sqlite")


def saved(lab, page, cell):
    """The outputs of a cell in the saved file."""
    return nbformat.read(lab.root / page.path, 4).cells[cell].outputs


def test_the_card_lives_while_another_cell_blocks_and_becomes_a_picture_that_stays(notebook, lab):
    page = notebook([LOAD, ASK, "import time; time.sleep(4)", "1 + 1"])
    assert "sandbox" in page.run_and_wait(0)
    page.run_and_wait(1)
    page.run(2)
    page.run(3)
    seen = {page.wait_text(1, "(Sending|Waiting|Queuing|Generating|Saving)")}
    deadline = time.monotonic() + 3
    while page.is_busy(2) and time.monotonic() < deadline:
        seen.add(page.text(1))
    assert page.is_busy(2), "the other cell still sleeps"
    assert len(seen) >= 2, f"the card stood still: {seen}"
    assert any("Sandbox: drawn on this machine" in text for text in seen)
    page.screenshot("card-live", 1)
    page.wait_done(3)

    page.wait("shows", 1, "^$", timeout=30)  # the card is gone, the picture is there
    (image,) = page.images(1)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    assert image["width"] >= 640
    page.screenshot("picture-done")

    page.save()
    (output,) = saved(lab, page, 1)
    assert set(output.data) == {"image/jpeg", "text/plain"}
    assert len(json.dumps(output)) <= 64 * 1024
    assert output.metadata.liangxin.task_id in output.data["text/plain"]
    page.close()

    again = notebook(page.path, kernel=False)
    assert again.images(1) == [image]
    again.screenshot("picture-reopened-without-kernel")


def test_leave_works_while_a_cell_waits(notebook, lab):
    page = notebook(
        [LOAD, SLOW + "\n", SLOW.replace("--seed", "--wait --seed"), "%liangxin resume"]
    )
    page.run_and_wait(0)
    page.run(2)
    page.wait_text(2, "(Waiting|Queuing|Generating)")
    before = time.monotonic()
    page.click(2, "Leave")
    page.wait_done(2)
    assert time.monotonic() - before < 4
    text = page.wait_text(2, "Left \\(still running\\)")
    task_id = re.search(r"task_[\w.-]+", text)[0]
    assert "it may be billed" in text
    assert f"%liangxin resume {task_id}" in text
    assert ledger(lab).find(task_id).fate == "accepted"
    page.screenshot("card-left", 2)
    page.click(2, "Collect")
    page.wait_text(2, "(Waiting|Queuing|Generating|Saving|Done)")
    deadline = time.monotonic() + 40
    while not page.images(2) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ledger(lab).find(task_id).fate == "kept"
    assert [image["mime"] for image in page.images(2)] == ["image/jpeg"]


def test_interrupt_ends_the_wait_within_a_second_and_the_task_can_be_collected(notebook, lab):
    page = notebook(
        [LOAD, SLOW.replace("--seed", "--wait --out job --seed"), "job.task_id", "%liangxin resume"]
    )
    page.run_and_wait(0)
    page.run(1)
    page.wait_text(1, "Generating")
    before = time.monotonic()
    page.interrupt()
    page.wait_done(1)
    assert time.monotonic() - before < 1
    text = page.wait_text(1, "Interrupted")
    assert "Traceback" not in text
    task_id = page.run_and_wait(2).strip("'")
    assert task_id in text
    page.restart()
    page.run_and_wait(0)
    page.run_and_wait(3)
    deadline = time.monotonic() + 40
    while ledger(lab).find(task_id).fate != "kept" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ledger(lab).find(task_id).fate == "kept"
    created = json.loads(json.dumps(ledger(lab).count()))
    assert created.get("unknown", 0) == 0


def test_a_refusal_is_one_line_that_fails_the_cell(notebook):
    page = notebook(
        [LOAD, "%%liangxin --aspect 7:5\na cat", "%%liangxin no-such-model --wait\na cat"]
    )
    page.run_and_wait(0)
    text = page.run_and_wait(1)
    assert text == (
        "UsageError: aspect_ratio '7:5' is not one of 1:1, 3:4, 9:16, 4:3, 16:9. "
        "Nothing was sent, nothing was billed. %liangxin models z-image lists its inputs."
    )
    page.run_and_wait(2)
    text = page.wait_text(2, "UsageError")
    assert "unsupported model: no-such-model" in text
    assert "Traceback" not in text
    page.screenshot("refused", 2)


def test_a_failure_without_waiting_stays_readable_in_the_saved_notebook(notebook, lab):
    page = notebook([LOAD, "%%liangxin no-such-model\n<b>a cat</b>"])
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "Refused · no-such-model\\s+The service refused the request \\(400\\)")
    page.save()
    (output,) = saved(lab, page, 1)
    assert set(output.data) == {"text/html", "text/plain"}


def test_tab_offers_models_options_and_values(notebook):
    page = notebook([LOAD, ""])
    page.run_and_wait(0)
    offered = page.type_and_tab(1, "%%liangxin ")
    assert {"z-image", "seedream-v4-5", "--aspect", "--seed"} <= set(offered)
    assert page.type_and_tab(1, "%%liangxin z-image --aspect 1") == ["1:1", "16:9"]
    assert "num_inference_steps=" in page.type_and_tab(1, "%%liangxin z-image -o ")
    assert page.type_and_tab(1, "%liangxin res") == ["resume"]


def test_a_job_as_the_last_line_shows_its_card(notebook):
    page = notebook(
        [LOAD, "import liangxin_nb as lx\nlx.generate('a garden in spring', size='square')"]
    )
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "(Sending|Waiting|Queuing|Generating)[^]*a garden in spring")
    page.wait("shows", 1, "^$", timeout=30)
    assert [image["width"] for image in page.images(1)] == [512]


def test_a_reloaded_page_still_sees_the_card_and_then_the_picture(notebook):
    page = notebook([LOAD, SLOW])
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "(Waiting|Queuing|Generating)")
    page.save()
    page.open()
    page.wait_text(1, "(Waiting|Queuing|Generating|Saving)")
    page.wait_text(1, "Done", timeout=40)
    (image,) = page.images(1)
    assert image["alt"] == "A lighthouse on a cliff, storm coming in"
    picture = page.page.locator(".lx-card .lx-picture").bounding_box()
    words = page.page.locator(".lx-card .lx-prompt").bounding_box()
    assert words["y"] >= picture["y"] + picture["height"], "the words stand below the picture"
    page.screenshot("card-done-after-reload", 1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_card_is_at_home_in_both_themes(notebook, theme):
    long = "%%liangxin\n" + "雨夜的咖啡馆，石板路上的灯光 <script>alert(1)</script> & so on, " * 8
    page = notebook([LOAD, long, *(f"%liangxin {c}" for c in ("doctor", "tasks", "credits", ""))])
    page.set_theme(theme)
    for cell in range(6):
        page.run_and_wait(cell)
    page.wait_text(1, "(Queuing|Generating)")
    page.screenshot(f"card-{theme}", 1)
    page.screenshot(f"tables-{theme}")
    assert page.errors == []
