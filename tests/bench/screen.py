"""What someone in front of JupyterLab waits for: a card, and the first picture of all."""

import contextlib
import statistics
import tempfile
import time
from functools import cache
from pathlib import Path

from ..browser import ipynb
from ..browser.driver import Driver
from ..browser.lab import Lab
from ..browser.page import Notebook

_CELLS = 7
_IMAGE = ".jp-OutputArea-output.jp-RenderedImage img"
#: From the run of a cell to the frame in which something is drawn below it.
_DRAWN = """([index, selector]) => new Promise((resolve) => {
    const start = performance.now();
    const look = () => requestAnimationFrame(() => {
        const there = harness.cell(index).node.querySelector(selector);
        there?.getBoundingClientRect().height ? resolve(performance.now() - start) : look();
    });
    harness.run(index);
    look();
})"""
_WIDGET = "from ipywidgets import HTML\nHTML('<i class=\"plain\">a widget</i>')"
_PICTURE = "from PIL import Image\nImage.new('RGB', (512, 512), 'teal')"


@contextlib.contextmanager
def _opened(*cells):
    """A notebook in a JupyterLab of its own; and when its server was started."""
    driver = Driver()
    try:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            driver.activate() as browser,
        ):
            root = Path(folder) / "notebooks"
            root.mkdir()
            ipynb.write(root / "n.ipynb", cells)
            start = time.monotonic()
            with Lab(root, home=Path(folder) / "home") as lab:
                page = Notebook(browser, lab)
                page.open("n.ipynb")
                yield page, start
                page.leave()
    finally:
        driver.stop()


def _drawn(page, cell, selector):
    """Milliseconds from the run of a cell to what it shows."""
    return page.page.evaluate(_DRAWN, [cell, selector])


@cache
def _ours():
    """The first picture in seconds, the first card and the later ones in milliseconds."""
    asks = [f"%%liangxin --size square\na lake, number {n}" for n in range(_CELLS)]
    with _opened("%load_ext liangxin_nb", *asks) as (page, start):
        page.run_and_wait(0)
        first = _drawn(page, 1, ".lx-card")
        page.page.wait_for_selector(_IMAGE, timeout=120_000)
        seconds = time.monotonic() - start
        later = [_drawn(page, n, ".lx-card") for n in range(2, _CELLS + 1)]
    return seconds, first, statistics.median(later)


@cache
def _plain():
    """The same of a picture drawn in the cell, and of stock widgets."""
    with _opened("1 + 1", _PICTURE, *[_WIDGET] * _CELLS) as (page, start):
        page.run_and_wait(0)
        _drawn(page, 1, _IMAGE)
        seconds = time.monotonic() - start
        first, *later = (_drawn(page, n, ".plain") for n in range(2, _CELLS + 2))
    return seconds, first, statistics.median(later)


def _of(place):
    return lambda: (_ours()[place], _plain()[place])


FIGURES = [
    ("cell run to its card on screen, the first after %load_ext / a stock widget", "ms", _of(1)),
    ("the same, later cells / the same", "ms", _of(2)),
    ("JupyterLab started to first picture, 8 s of it the sandbox at work / one drawn by Pillow",
     "s", _of(0)),
]  # fmt: skip
