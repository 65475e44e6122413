"""Two people edit one notebook with jupyter-collaboration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from ..browser.lab import Lab
from ..browser.page import Notebook
from ..conftest import wait_until
from .checks import LOAD, PROMPT_CELL, write
from .environments import Environment
from .pages import SHOTS, page_environment, stopped_sandbox

PROMPTS = ("a paper boat on a pond", "雨后的小巷，石板路，一盏灯")
BATCH_CELL = "%%liangxin batch --size square\n" + "\n".join(PROMPTS)
LAST_PROMPT = "a cup of coffee on a table"
CELLS = (LOAD, PROMPT_CELL, BATCH_CELL, f"%%liangxin --size square\n{LAST_PROMPT}")
PICTURE, BATCH, LAST = 1, 2, 3
RUNNING = {PICTURE: "a cat on a wall|<Job z-image", BATCH: "2 running|<Batch"}
ALTS = {PICTURE: ["a cat on a wall"], BATCH: list(PROMPTS), LAST: [LAST_PROMPT]}


def collaboration(environment: Environment, folder: Path, browser: Browser) -> str:
    """One person runs the cells, and reloads the page while the last task is running."""
    root = folder / "notebooks"
    root.mkdir(parents=True)
    write(root / "n.ipynb", *CELLS)
    env, python = page_environment(environment), str(environment.python)
    with (
        stopped_sandbox(root) as service,
        Lab(root, env, home=folder / "home", python=python) as server,
        _person(browser, server) as first,
        _person(browser, server) as second,
    ):
        for cell in (0, PICTURE, BATCH):
            first.run_and_wait(cell)
        for cell, pattern in RUNNING.items():
            second.wait_text(cell, pattern)
        second.screenshot("collaboration-running")
        service.move_to("success")
        for cell in RUNNING:
            for person in (first, second):
                _wait_for_pictures(person, cell)
            assert second.text(cell).strip() == first.text(cell).strip(), second.text(cell)
        second.screenshot("collaboration-done")

        first.run_and_wait(LAST)
        first.wait_text(LAST, "Waiting")
        first.load("lab/tree/n.ipynb?reset")
        first.wait("ready", True)
        service.move_to("success")
        first.wait_text(LAST, "Done")
        first.save()
        wait_until(lambda: _has_picture(root / "n.ipynb"))
        third = Notebook(browser, server)
        third.shots = SHOTS
        third.open("n.ipynb")
        for cell in ALTS:
            _wait_for_pictures(third, cell)
        third.screenshot("collaboration-reopened")
        third.leave()
    return "each cell at once and in order on the other page; healed after a reload"


@contextmanager
def _person(browser: Browser, server: Lab) -> Iterator[Notebook]:
    """Open the notebook in a new window."""
    page = Notebook(browser, server)
    page.shots = SHOTS
    try:
        page.open("n.ipynb")
        yield page
    finally:
        page.leave()


def _wait_for_pictures(page: Notebook, cell: int) -> None:
    wait_until(lambda: [image["alt"] for image in page.images(cell)] == ALTS[cell])
    assert all(image["visible"] for image in page.images(cell))


def _has_picture(file: Path) -> bool:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    outputs = json.dumps(cells[LAST]["outputs"], ensure_ascii=False)
    return f'alt=\\"{LAST_PROMPT}\\"' in outputs and "widget-view" not in outputs
