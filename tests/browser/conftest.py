"""Fixtures that start JupyterLab and open notebooks in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError

from . import ipynb
from .driver import Driver
from .lab import Lab
from .page import Notebook

CHECKOUT = Path(__file__).resolve().parents[2]
# The kernel, too, is to import the package from this checkout, in either layout.
SOURCES = tuple(str(folder) for folder in (CHECKOUT / "src", CHECKOUT) if folder.is_dir())
OPENED = pytest.StashKey[list[Notebook]]()

StartLab = Callable[..., Lab]
OpenNotebook = Callable[..., Notebook]


@pytest.fixture(scope="session")
def chromium_driver() -> Iterator[Driver]:
    """Start the browser once for all tests."""
    driver = Driver()
    yield driver
    driver.stop()


@pytest.fixture
def chromium_browser(chromium_driver: Driver) -> Iterator[Browser]:
    """Lend the browser to one test."""
    with chromium_driver.awake() as browser:
        yield browser


@pytest.fixture(scope="module")
def start_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartLab]:
    """Return a function that starts a JupyterLab on a new folder, stopped after the module."""
    with ExitStack() as stack:

        def start(
            notebooks: Sequence[Path] = (),
            env: Mapping[str, str] | None = None,
            base_url: str = "/",
        ) -> Lab:
            folder = tmp_path_factory.mktemp("lab")
            root = folder / "notebooks"
            root.mkdir()
            for file in notebooks:
                shutil.copy(file, root)
            path = os.pathsep.join([*SOURCES, *filter(None, [os.environ.get("PYTHONPATH")])])
            variables = {"PYTHONPATH": path, **(env or {})}
            return stack.enter_context(Lab(root, variables, base_url, folder / "home"))

        yield start


@pytest.fixture(scope="module")
def lab_env() -> Mapping[str, str]:
    """Return variables for `lab`; a test module that needs some has a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def lab(start_lab: StartLab, lab_env: Mapping[str, str]) -> Lab:
    """Start one JupyterLab for the tests of a module."""
    return start_lab(env=lab_env)


@pytest.fixture
def notebook(
    request: pytest.FixtureRequest, chromium_browser: Browser, lab: Lab
) -> Iterator[OpenNotebook]:
    """Return a function that opens a notebook: given as cells of code, or by its path."""
    opened: list[Notebook] = request.node.stash.setdefault(OPENED, [])
    lab.home.reset_settings()
    stack = ExitStack()

    def open_notebook(cells: Sequence[str] | str, kernel: bool = True) -> Notebook:
        path = cells if isinstance(cells, str) else _write(lab, request.node.name, cells)
        page = Notebook(chromium_browser, lab)
        opened.append(page)
        stack.callback(page.close)
        page.open(path, kernel)
        return page

    with stack:
        yield open_notebook


def _write(lab: Lab, test: str, cells: Sequence[str]) -> str:
    """Write a notebook named after the test and return its path."""
    stem = ipynb.slug(test)
    count = len(list(lab.root.glob(f"{stem}*.ipynb")))
    name = f"{stem}-{count}.ipynb" if count else f"{stem}.ipynb"
    ipynb.write(lab.root / name, cells)
    return name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as one for the browser, to be run again when it fails."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save a screenshot of every notebook that a failed test has open."""
    report = yield
    if report.when == "call" and report.failed:
        opened: list[Notebook] = item.stash.get(OPENED, [])
        for number, page in enumerate(opened):
            try:
                shot = page.screenshot(f"failed-{ipynb.slug(item.name)}-{number}")
                report.sections.append(("screenshot", f"{shot}\nerrors: {page.errors}"))
            except PlaywrightError as error:  # the page may be what has failed
                report.sections.append(("screenshot", str(error)))
    return report
