"""Open the tutorials in JupyterLab, choose Run All, and check what each cell shows.

The first tutorial and the one with panel and gallery; all of them with LIANGXIN_ALL_TUTORIALS=1.
"""

import os

import nbformat
import pytest
from playwright.sync_api import expect

from ..scan import KEY
from .conftest import CHECKOUT
from .form import Form
from .window import SIZE

pytestmark = pytest.mark.browser
TUTORIALS = [
    path
    for path in sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
    if os.environ.get("LIANGXIN_ALL_TUTORIALS") or path.stem[:2] in ("01", "04")
]
NAMES = [path.stem for path in TUTORIALS]
#: Cells that start like this end with one picture, or with those of a batch.
PICTURE_CELLS = ("%%liangxin", "%liangxin resume {", "%liangxin show", "%liangxin batch {")
#: Text in the source of a cell, and a pattern that its final output matches.
OUTPUT_PATTERNS = {
    "['created'] - created": r"created by the sandbox: [01]",
    "that the service rejects": r"APIError: The service rejected the request \(422\)",
    "A lighthouse in the night": r"APIConnectionError: No answer from .* may be billed",
    'sandbox()["faults"]': r"\{'file-expired-once\*1': 1\}",
    # Some shells also print "Killed".
    '}" killed.py': r"^task_z-image_\d+(\s+Killed)?\s*$",
    "delays = [": r"polling: [\d.]+ s late[^]*callbacks: [\d.]+ s late",
    "len(results)\n": r"^9$",
    "--aspect 7:5": r"'7:5' is not one of",
    "WaitTimeoutError as": r"WaitTimeoutError · (Task task_|The task)",
    "--dry-run": r"8 tasks would be created: 4 z-image, 4 flux-2-pro",
    # Which of the prompts is rejected, and which fails, is random.
    "tea.failures": r"(?=[^]*rejected The service rejected)[^]*failed The task failed",
    "tea.retry()": r"retried: 2 · now: 4 tasks: 4 saved",
    "streets.pause()": r"3 tasks: [12] saved, [12] not sent yet",
    "postcard.png": r"A lighthouse on a cliff, storm coming in",
    "%liangxin export": r"Download liangxin-[\d-]+\.zip",
    "lx.import_archive(": r"^0 new jobs \(\d+ known\), 0 new results",
}


@pytest.fixture(scope="module")
def lab_env(tmp_path_factory):
    callbacks = tmp_path_factory.mktemp("callbacks")
    return {
        "LIANGXIN_SPEED": "20",
        "LIANGXIN_SANDBOX_KEY": KEY,
        "LIANGXIN_CALLBACKS": str(callbacks),
    }


@pytest.fixture(scope="module")
def lab_with_tutorials(lab):
    """Copy the tutorials into the lab's folder, where they share ledger and results."""
    for path in TUTORIALS:
        (lab.root / path.name).write_bytes(path.read_bytes())
    return lab


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_run_all_shows_the_expected_outputs(path, lab_with_tutorials, notebook):
    page = notebook(path.name)
    cells = nbformat.read(path, 4).cells
    page.call("command", "notebook:run-all-cells")
    for n, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        wait_run(page, n)
        fails = "raises-exception" in cell.metadata.get("tags", [])
        if cell.source in WIDGET_CHECKS:
            WIDGET_CHECKS[cell.source](page, n)
        elif fails:
            page.wait_text(n, r"\w+Error: ")
            assert "Traceback" not in page.text(n)
        elif cell.source.startswith(PICTURE_CELLS) and "--dry-run" not in cell.source:
            is_batch = "liangxin batch" in cell.source
            page.wait_text(n, r"\d tasks: \d+ saved" if is_batch else "open the original")
            images = [image["mime"] for image in page.images(n)]
            assert set(images) == {"image/jpeg"}
            assert is_batch or len(images) == 1
        for words, pattern in OUTPUT_PATTERNS.items():
            if words in cell.source:
                page.wait_text(n, pattern)
    screenshot_whole(page, f"tutorial-{path.stem}")
    assert page.errors == []


def check_panel(page, n):
    """Check that the panel shows the typed request as a cell and enables *Generate*."""
    form = Form(page, n)
    expect(form.field("Prompt")).to_be_visible()
    form.write("A lamp in the window")
    form.wait_code("%%liangxin z-image")
    expect(form.button("Generate")).to_be_enabled()


def check_gallery(page, n):
    """Check that the gallery shows the newest pictures of all tutorials so far."""
    page.wait_text(n, "1–\\d+ of \\d+")
    page.page.wait_for_function("document.querySelectorAll('.lx-tile img').length >= 4")
    expect(page.page.locator(".lx-tile").first).to_be_visible()


#: Cells with interactive widgets, and the checks for them.
WIDGET_CHECKS = {"%liangxin panel": check_panel, "%liangxin gallery": check_gallery}


def wait_run(page, n):
    """Wait for the execution count; JupyterLab shows none while a failed cell is still busy."""
    page.page.wait_for_function(
        "n => /^\\[\\d+\\]$/.test(harness.prompt(n))", arg=n, timeout=120_000, polling=100
    )


def screenshot_whole(page, name):
    """Save a screenshot of the whole notebook."""
    height = page.page.evaluate(
        "[...document.querySelectorAll('.jp-Notebook .jp-Cell')]"
        ".reduce((sum, cell) => sum + cell.offsetHeight, 0)"
    )
    page.page.set_viewport_size({**SIZE, "height": min(int(height) + 100, 12000)})
    page.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTo(0, 0)")
    page.picture(name, ".jp-Notebook")
    page.page.set_viewport_size(SIZE)
