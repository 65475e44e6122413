"""Benchmark of delays in JupyterLab: until a card and until the first picture are displayed."""

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
_IMAGE = ".jp-OutputArea-output figure img"
#: Measures the time from the run of a cell to the frame in which its output is rendered.
_MEASURE_RENDERING = """([index, selector]) => new Promise((resolve) => {
    const start = performance.now();
    const check = () => requestAnimationFrame(() => {
        const element = harness.cell(index).node.querySelector(selector);
        element?.getBoundingClientRect().height ? resolve(performance.now() - start) : check();
    });
    harness.run(index);
    check();
})"""
_WIDGET = "from ipywidgets import HTML\nHTML('<i class=\"plain\">a widget</i>')"
_PICTURE = "from PIL import Image\nImage.new('RGB', (512, 512), 'teal')"


@contextlib.contextmanager
def _open_notebook(*cells):
    """Open a notebook in a new JupyterLab; the value is the page and the start of the server."""
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


def _rendering_time(page, cell, selector):
    """Milliseconds from the run of a cell to its output."""
    return page.page.evaluate(_MEASURE_RENDERING, [cell, selector])


@cache
def _ours():
    """Seconds until the first picture; milliseconds until the first card and until later cards."""
    cells = [f"%%liangxin --size square\na lake, number {n}" for n in range(_CELLS)]
    with _open_notebook("%load_ext liangxin_nb", *cells) as (page, start):
        page.run_and_wait(0)
        first = _rendering_time(page, 1, ".lx-card")
        page.page.wait_for_selector(_IMAGE, timeout=120_000)
        seconds = time.monotonic() - start
        later = [_rendering_time(page, n, ".lx-card") for n in range(2, _CELLS + 1)]
    return seconds, first, statistics.median(later)


@cache
def _plain():
    """The same for a picture drawn in the cell, and for standard widgets."""
    with _open_notebook("1 + 1", _PICTURE, *[_WIDGET] * _CELLS) as (page, start):
        page.run_and_wait(0)
        _rendering_time(page, 1, _IMAGE)
        seconds = time.monotonic() - start
        first, *later = (_rendering_time(page, n, ".plain") for n in range(2, _CELLS + 2))
    return seconds, first, statistics.median(later)


def _compare(index):
    return lambda: (_ours()[index], _plain()[index])


FIGURES = [
    ("cell to its card, the first after %load_ext / a standard widget", "ms", _compare(1)),
    ("the same for later cells / the same", "ms", _compare(2)),
    ("start of JupyterLab to first picture, with 8 s in the sandbox / drawn by Pillow",
     "s", _compare(0)),
]  # fmt: skip
