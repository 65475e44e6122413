"""Notebooks that are saved in the middle of something, and opened again without their kernel.

Each scene ends with a saved output. One notebook has them all: it is opened without a kernel, and
converted by everything that shows saved notebooks.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from ..conftest import wait_until
from ..readers import NBCONVERT, Page, myst, parse
from . import ipynb
from .page import Notebook

pytestmark = pytest.mark.slow
LOAD = "%load_ext liangxin_nb"


@dataclass(frozen=True)
class Scene:
    """One cell: how its work ended, and what every reader shows of it."""

    source: str
    #: The alt texts of its pictures.
    pictures: tuple[str, ...]
    #: Words of its output.
    words: tuple[str, ...]


def prompt_scene(prompt: str, *words: str, options: str = "--size square") -> Scene:
    """Return a scene that ends with a picture."""
    return Scene(f"%%liangxin {options}\n{prompt}", (prompt,), ("z-image", *words))


BATCH = ("a paper boat on a pond", "雨后的小巷，石板路，一盏灯", "sand dunes under the stars")
SCENES = {
    "finished": prompt_scene('A lighthouse on a cliff, "storm" & <sea>'),
    "failed": Scene("%%liangxin\nA garden in spring", (), ("Failed", "A garden in spring")),
    "rejected": Scene("%%liangxin\nA harbour at dusk", (), ("Rejected", "(422)")),
    "unconfirmed": Scene("%%liangxin\nA street in fog", (), ("Unconfirmed", "billed")),
    "batch": Scene(
        "%%liangxin batch --size square --concurrency 1\n" + "\n".join(BATCH),
        BATCH[1:],
        ("%liangxin batch ", BATCH[0], "Failed"),
    ),
    "page reloaded": prompt_scene("A cat on a wall"),
    "cell deleted": prompt_scene("A cup of coffee on a table"),
    "kernel killed": prompt_scene("山间的湖，清晨，薄雾"),
}
CELL = {name: number for number, name in enumerate(SCENES, 1)}
PROCESS, RESUME = len(SCENES) + 1, len(SCENES) + 2
RUNNING = ("page reloaded", "cell deleted", "kernel killed")


def run_ended_scenes(page, service):
    """Run the scenes that end while the page is open."""
    faults = {
        "failed": ["fail:500*1"],
        "rejected": ["create-422-moderated*1"],
        "unconfirmed": ["create-lost*1"],
        "batch": ["fail:500*1"],
    }
    patterns = {"failed": "Failed", "rejected": "Rejected", "unconfirmed": "Unconfirmed"}
    service.run_time()
    for name in SCENES:
        if name in RUNNING:
            continue
        service.faults.replace(faults.get(name, []))
        page.run_and_wait(CELL[name])
        if name in patterns:
            page.wait_text(CELL[name], patterns[name])
        else:
            wait_until(lambda name=name: page.images(CELL[name]))
    service.faults.replace([])


def run_unfinished_scenes(page, service):
    """Reload the page, delete a cell and kill the kernel while tasks are running."""
    service.stop_time()
    for name in RUNNING[:2]:
        page.run_and_wait(CELL[name])
        page.wait_text(CELL[name], "Waiting")
    page.call("select", CELL["cell deleted"])
    page.call("command", "notebook:delete-cell")
    page.call("command", "notebook:undo-cell-action")
    page.wait("shows", CELL["cell deleted"], "Waiting|Job z-image")
    page.save()
    page.reload()
    service.move_to("success")
    page.wait_text(CELL["page reloaded"], "Done")

    page.run_and_wait(CELL["kernel killed"])
    page.wait_text(CELL["kernel killed"], "Waiting")
    page.save()
    process = int(page.run_and_wait(PROCESS))
    page.call("expectDeath")
    os.kill(process, signal.SIGKILL)
    page.wait("replaced")
    page.run_and_wait(0)
    page.run_and_wait(RESUME)
    service.move_to("success")
    wait_until(lambda: page.images(RESUME))


def cells_of(file, names=RUNNING):
    """Return the saved cells of some scenes."""
    cells = nbformat.read(file, 4).cells
    return [cells[CELL[name]] for name in names]


def widgets(cell):
    """Return the outputs of a saved cell that a reopened notebook cannot draw."""
    return [o for o in cell.outputs if any("widget" in kind for kind in o.get("data", {}))]


@pytest.fixture(scope="module")
def saved(chromium_driver, shared_window, lab, sandbox_service) -> Iterator[Path]:
    """Run all scenes in one notebook and save it."""
    sandbox_service.publish(lab.results)
    sandbox_service.reset()
    cells = [LOAD, *(scene.source for scene in SCENES.values())]
    name = "scenes.ipynb"
    ipynb.write(lab.root / name, [*cells, "import os; os.getpid()", "%liangxin resume"], lab.kernel)
    with chromium_driver.activate() as browser:
        page = shared_window.open(browser, lab, name, True)
        page.run_and_wait(0)
        run_ended_scenes(page, sandbox_service)
        run_unfinished_scenes(page, sandbox_service)
        # What comes too late for one save is written by the next one.
        wait_until(lambda: page.save() or not any(map(widgets, cells_of(lab.root / name))))
        page.screenshot("saved-scenes-live")
    shared_window.close_notebook()
    sandbox_service.reset()
    return lab.root / name


def check(page: Page, name: str) -> None:
    """Check that a page shows what the scene promises."""
    scene = SCENES[name]
    alts = [image.alt for image in page.images if image.src.startswith("data:image/jpeg;base64,")]
    for alt in scene.pictures:
        assert alt in alts, f"{name}: no picture with this text among {alts}"
    for words in scene.words:
        assert words in page.text, f"{name}: {words!r} is missing"
    assert "widget-view" not in page.source


@pytest.mark.parametrize("name", SCENES)
def test_saved_file_contains_the_picture_or_the_reason(saved, name):
    (cell,) = cells_of(saved, [name])
    outputs = cell.outputs
    assert not widgets(cell)
    check(parse("".join(o.data.get("text/html", "") for o in outputs)), name)
    assert all(o.metadata.get("liangxin") for o in outputs)


@pytest.mark.parametrize("trusted", [True, False])
def test_notebook_without_kernel_shows_pictures_and_reasons(saved, notebook, trusted):
    path = saved
    if not trusted:  # its signature is that of another file
        path = saved.with_name("untrusted.ipynb")
        content = nbformat.read(saved, 4)
        content.metadata.title = "other"
        nbformat.write(content, path)
    page: Notebook = notebook(path.name, kernel=False)
    for name, scene in SCENES.items():
        images = page.images(CELL[name])
        assert {image["alt"] for image in images} == set(scene.pictures), name
        assert all(image["visible"] for image in images), name
        for words in scene.words:
            assert words in page.text(CELL[name]), name
        page.screenshot(f"saved-{name.replace(' ', '-')}", CELL[name])
    broken = page.page.locator("text=/Loading widget|Error displaying/ >> visible=true")
    expect(broken).to_have_count(0)


@pytest.mark.parametrize("reader", NBCONVERT)
def test_nbconvert_shows_pictures_and_reasons(saved, reader):
    page = NBCONVERT[reader](saved)
    for name in SCENES:
        check(page, name)
    assert page.warnings == []


def test_myst_shows_pictures_and_reasons_without_a_warning(saved, tmp_path):
    page = myst(saved, tmp_path)
    for name in SCENES:
        check(page, name)
