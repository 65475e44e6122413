"""Tests of the browser test support itself, with simple widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from textwrap import dedent

import pytest

from .. import hostile
from .conftest import OpenNotebook
from .driver import Driver
from .escaping import assert_only_text
from .folder import BusyCell, Folder

pytestmark = pytest.mark.slow

# ipykernel 7.4 handles a widget's messages on the thread that sent its last one: the main thread,
# which a waiting cell blocks. If that attribute is None, another thread handles them.
LEAVE = """
    import threading
    import ipywidgets
    from IPython.display import display
    left = threading.Event()
    button = ipywidgets.Button(description="Leave", icon="sign-out")
    button.on_click(lambda _: left.set())
    if hasattr(button.comm, "_reply_subshell_for"):
        button.comm._reply_subshell_for = None
    display(button)
"""
COUNT = """
    import itertools, threading, time
    import ipywidgets
    label = ipywidgets.Label("waiting")
    display(label)
    def count():
        for number in itertools.count():
            label.value = f"counted {number}"
            time.sleep(0.1)
    threading.Thread(target=count, daemon=True).start()
"""
PICTURE = """
    import base64, io
    from PIL import Image
    file = io.BytesIO()
    Image.new("RGB", (160, 90), "teal").save(file, "JPEG")
    data = {"text/plain": "<picture>", "image/jpeg": base64.b64encode(file.getvalue()).decode()}
    display(data, raw=True)
"""


@pytest.fixture(scope="module")
def lab_env() -> Mapping[str, str]:
    return {"LIANGXIN_SPEED": "17"}


def code(text: str) -> str:
    """Remove the indentation of a cell's source."""
    return dedent(text).strip()


def test_kernel_has_the_folder_and_the_variables_of_its_module(
    notebook: OpenNotebook, lab: Folder
) -> None:
    page = notebook(["import os; print(os.getcwd(), os.environ['LIANGXIN_SPEED'])"])
    assert page.run_and_wait(0) == f"{lab.root} 17"


def test_widget_changes_while_another_cell_is_busy(
    notebook: OpenNotebook, busy_cell: BusyCell
) -> None:
    """A thread's update reaches the page before the busy cell ends."""
    page = notebook([code(COUNT), busy_cell.source, "1 + 1"])
    page.run_and_wait(0)
    page.run(1)
    page.run(2)
    first = page.wait_text(0, r"counted \d+")
    assert page.wait_text(0, rf"^(?!{first}$)counted \d+$") != first
    assert page.is_busy(1)
    assert page.is_busy(2)
    busy_cell.end()
    page.wait_done(2)
    assert page.text(2) == "2"
    assert page.prompt(2) == "[3]"
    assert page.errors == []


def test_click_reaches_a_waiting_cell(notebook: OpenNotebook) -> None:
    """A button works while its own cell or another cell waits for it."""
    wait = 'print("left" if left.wait(60) else "stayed")'
    page = notebook([code(LEAVE), wait, code(LEAVE) + "\n" + wait])
    page.run_and_wait(0)
    page.run(1)
    page.click(0, "Leave")
    page.wait_done(1)
    assert page.text(1) == "left"
    page.run(2)
    page.click(2, "Leave")
    page.wait_text(2, "left")


def test_interrupt_and_restart(notebook: OpenNotebook, busy_cell: BusyCell) -> None:
    """Interrupt ends a busy cell, and a restarted kernel has no variables."""
    page = notebook([f'print("begun")\n{busy_cell.source}', "time.sleep"])
    page.run(0)
    page.wait_text(0, "begun")
    page.interrupt()
    page.wait_done(0)
    assert "KeyboardInterrupt" in page.text(0)
    page.restart()
    assert "NameError" in page.run_and_wait(1)
    assert page.prompt(1) == "[1]"


def test_picture_outlives_its_kernel(notebook: OpenNotebook, lab: Folder) -> None:
    """A saved image is displayed when the notebook is opened without a kernel."""
    page = notebook([code(PICTURE)])
    page.run_and_wait(0)
    before = page.images(0)
    assert [(image["mime"], image["width"]) for image in before] == [("image/jpeg", 160)]
    page.save()
    page.shut()
    again = notebook(page.path, kernel=False)
    assert again.images(0) == before
    assert before[0]["visible"]
    assert lab.get("api/kernels") == []


#: One notebook for tests that do not change it.
CELLS = [code(PICTURE), 'for number in range(60): print("line", number)', "import threading", ""]


def test_screenshots_in_both_themes(notebook: OpenNotebook) -> None:
    """A screenshot contains a whole cell that is taller than the window, in both themes."""
    page = notebook(CELLS, shared=True)
    page.run_and_wait(0)
    page.run_and_wait(1)
    light = page.screenshot("harness-light", 1).read_bytes()
    page.set_theme("dark")
    dark = page.screenshot("harness-dark", 1).read_bytes()
    page.set_theme("light")
    assert light != dark
    # The height in the header of a PNG file.
    assert int.from_bytes(dark[20:24], "big") > 900
    page.screenshot("harness-window")


def test_completions(notebook: OpenNotebook) -> None:
    """Tab shows only the completions of the kernel."""
    page = notebook(CELLS, shared=True)
    page.run_and_wait(2)
    assert page.type_and_tab(3, "%%ti") == ["%%time", "%%timeit"]
    assert page.type_and_tab(3, "1\nthreading.act") == ["active_count", "activeCount"]
    assert page.type_and_tab(3, "threading.nothing") == []


def test_other_event_loops_run(chromium_driver: Driver) -> None:
    """Other event loops can run between browser tests."""
    assert chromium_driver.browser.is_connected()
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"


def test_unescaped_text_runs_its_handler(notebook: OpenNotebook) -> None:
    """`assert_only_text` fails if hostile text is not escaped."""
    page = notebook([f"import ipywidgets; ipywidgets.HTML({hostile.TEXT!r})"])
    page.run_and_wait(0)
    page.wait_js(f"window.{hostile.FLAG} === 1")
    with pytest.raises(AssertionError):
        assert_only_text(page)
    page.page.evaluate(f"delete window.{hostile.FLAG}")
