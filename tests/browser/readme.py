"""`make pictures`: take the README's screenshots in JupyterLab with the sandbox."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect

from . import ipynb
from .driver import Driver
from .form import Form
from .lab import Lab
from .page import Notebook

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
SOURCES = {"PYTHONPATH": str(CHECKOUT), "LIANGXIN_SPEED": "2"}
LOAD = "%load_ext liangxin_nb"
MOUNTAINS = "%%liangxin --aspect 16:9 --seed 7\n山间的湖，清晨，薄雾"
CAFE = "%%liangxin\nA small cafe terrace at night, warm lamps, rain on the stones"
MANY = """%%liangxin batch z-image --aspect 4:3 --seed 1-2 --wait -q
A lighthouse on a cliff, storm coming in
A garden in spring, a cat on the wall
A forest path in autumn, fog between the trees"""


def save_jpeg(screenshot: Path, name: str) -> None:
    """Save a screenshot as a small JPEG."""
    file = DOCS / f"{name}.jpg"
    with Image.open(screenshot) as picture:
        picture.convert("RGB").save(file, "JPEG", quality=86, optimize=True, progressive=True)
    print(f"{file.relative_to(CHECKOUT)}: {file.stat().st_size // 1024} KiB")


def capture_cells(page: Notebook) -> None:
    """Capture a finished cell and a cell with a live card."""
    page.run_and_wait(0)
    page.run(1)
    page.wait_text(1, "Generating")
    page.wait("shows", 1, "^$")
    save_jpeg(page.screenshot("readme-cell", 1), "finished-cell")
    page.run(2)
    page.wait_text(2, "Generating")
    save_jpeg(page.screenshot("readme-card", 2), "live-card")
    page.wait("shows", 2, "^$")


def capture_panel(page: Notebook) -> None:
    """Capture the form with a finished and a live card."""
    page.run_and_wait(3)
    form = Form(page, 3)
    form.field("Aspect ratio").select_option("16:9")
    for prompt in ("A night train by the sea, one window lit", "A harbour in winter, first snow"):
        form.write(prompt)
        form.button("Generate").click()
        expect(form.cards().first).to_contain_text(prompt, timeout=20_000)
        if prompt.startswith("A night"):
            expect(form.cards().first).to_contain_text("Done", timeout=60_000)
    page.wait_text(3, "Generating")
    save_jpeg(form.screenshot("readme-panel", 1000), "panel")


def capture_gallery(page: Notebook) -> None:
    """Capture the gallery with two selected pictures."""
    page.run_and_wait(4, timeout=180)
    page.run_and_wait(5)
    expect(page.page.locator(".lx-tile img")).to_have_count(10, timeout=60_000)
    for tile in (0, 1):
        page.page.locator(".lx-tile input[type=checkbox]").nth(tile).check()
    page.wait_text(5, "2 selected")
    page.page.mouse.move(0, 0)
    save_jpeg(page.screenshot("readme-gallery", 5), "gallery")


def capture_all(browser: Browser, folder: Path) -> None:
    """Take all screenshots from one notebook in an empty folder."""
    root = folder / "notebooks"
    root.mkdir()
    ipynb.write(
        root / "n.ipynb",
        [LOAD, MOUNTAINS, CAFE, "%liangxin panel", MANY, "%liangxin gallery"],
    )
    with Lab(root, SOURCES, home=folder / "home", python=sys.executable) as lab:
        page = Notebook(browser, lab)
        page.open("n.ipynb")
        for capture in (capture_cells, capture_panel, capture_gallery):
            capture(page)
        page.leave()


if __name__ == "__main__":
    driver = Driver()
    try:
        with (
            driver.activate() as browser,
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        ):
            capture_all(browser, Path(folder))
    finally:
        driver.stop()
