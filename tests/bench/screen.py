"""What somebody in front of JupyterLab waits for: a card, and the first picture of all."""

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
_ASK = "%%liangxin --size square\na lake, number {n}"
_CARD = ".lx-card"
_WIDGET = "from ipywidgets import HTML\nHTML('<i class=\"plain\">a widget</i>')"
_PICTURE = "from PIL import Image\nImage.new('RGB', (512, 512), 'teal')"
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


@contextlib.contextmanager
def _opened(*cells):
    """A notebook in a JupyterLab of its own; and when its server was started."""
    driver, start = Driver(), time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, driver.awake() as browser:
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
def cards():
    """((first card, first widget), (later cards, later widgets)) in milliseconds."""
    asks = [_ASK.format(n=n) for n in range(_CELLS)]
    figures = []
    for before, cells, selector in (
        ("%load_ext liangxin_nb", asks, _CARD),
        ("1 + 1", [_WIDGET] * _CELLS, ".plain"),
    ):
        with _opened(before, *cells) as (page, _):
            page.run_and_wait(0)
            figures.append([_drawn(page, n, selector) for n in range(1, _CELLS + 1)])
    return (
        tuple(first for first, *_ in figures),
        tuple(statistics.median(later) for _, *later in figures),
    )


def first_picture():
    """Seconds from the start of the server to the first picture, with and without a service."""
    figures = []
    for cells in (("%load_ext liangxin_nb", _ASK.format(n=0)), ("1 + 1", _PICTURE)):
        with _opened(*cells) as (page, start):
            page.run_and_wait(0)
            _drawn(page, 1, ".jp-OutputArea-output.jp-RenderedImage img")
            figures.append(time.monotonic() - start)
    return tuple(figures)


FIGURES = [
    ("cell run → its card on screen, the first after %load_ext / a stock widget", "ms",
     lambda: cards()[0]),
    ("the same, later cells / the same", "ms", lambda: cards()[1]),
    ("JupyterLab started → first picture, the sandbox's 8 s of work included / drawn by Pillow",
     "s", first_picture),
]  # fmt: skip
