"""Fixtures that start JupyterLab and open notebooks in it.

A worker of pytest-xdist starts one Chromium, one JupyterLab and one window for all its browser
tests. Each module has a folder of its own in that JupyterLab, and a kernel with the environment
that its fixture `lab_env` gives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Error as PlaywrightError

from ..scan import KEY
from . import ipynb
from .driver import Driver
from .folder import KEY_VARIABLE, BusyCell, Folder
from .lab import Lab
from .page import Notebook
from .service import Service
from .window import DEADLINE, SIZE

CHECKOUT = Path(__file__).resolve().parents[2]
# The kernel, too, is to import the package from this checkout, in either layout.
SOURCES = tuple(str(folder) for folder in (CHECKOUT / "src", CHECKOUT) if folder.is_dir())
#: Two halves of about the same length, each on one worker, so that two JupyterLabs are enough.
HALVES = {
    "test_access": "browser-1",
    "test_batch": "browser-1",
    "test_composer": "browser-1",
    "test_voila": "browser-1",
}
OTHER_HALF = "browser-2"

OpenNotebook = Callable[..., Notebook]
expect.set_options(timeout=DEADLINE * 1000)


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


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start one JupyterLab for all tests."""
    folder = tmp_path_factory.mktemp("lab")
    path = os.pathsep.join([*SOURCES, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {
        "PYTHONPATH": path,
        "LIANGXIN_BUDGET": str(folder / "budget"),
        "LIANGXIN_SANDBOX_KEY": KEY,
        KEY_VARIABLE: KEY,
    }
    with Lab(folder / "notebooks", env, home=folder / "home") as lab:
        yield lab


@pytest.fixture(scope="session")
def sandbox_service() -> Iterator[Service]:
    """Start one sandbox, whose time the tests can stop, for all tests."""
    service = Service(KEY)
    yield service
    service.stop()


class SharedWindow:
    """The window in which all tests open their notebooks; a test that fails costs a new one."""

    def __init__(self, driver: Driver, lab: Lab) -> None:
        """Open nothing yet."""
        self._driver, self._lab = driver, lab
        self._page: Notebook | None = None
        self._left: tuple[str, tuple[str, ...]] | None = None

    def open(self, browser: Browser, folder: Folder, path: str, kernel: bool) -> Notebook:
        """Open a notebook in the window, in place of the one before."""
        if self._left is not None:
            self.shut()
        if self._page is None:
            self._page = Notebook(browser, self._lab)
        page = self._page
        page.folder = folder.name
        page.errors.clear()
        page.page.set_viewport_size(SIZE)
        page.open(path, kernel)
        return page

    def left(self, folder: Folder, cells: Sequence[str]) -> Notebook | None:
        """Return the notebook that an earlier test has left open, if it is the one of this name."""
        same = self._left == (folder.name, tuple(cells))
        if same and self._page is not None:
            self._page.errors.clear()
            self._page.page.set_viewport_size(SIZE)
        return self._page if same else None

    def leave(self, folder: Folder, cells: Sequence[str]) -> None:
        """Leave the notebook open for the next test that asks for these cells."""
        self._left = (folder.name, tuple(cells))

    def shut(self) -> None:
        """Close the notebook and its kernel."""
        self._left = None
        if self._page is not None and self._page.loaded:
            with self._driver.awake():
                self._page.set_theme("light")
                self._page.shut()

    def drop(self) -> None:
        """Close the window, whatever state it is in, and end every kernel."""
        self._left = None
        page, self._page = self._page, None
        if page is not None:
            with self._driver.awake():
                page.leave()
            for session in self._lab.get("api/sessions"):
                self._lab.get(f"api/sessions/{session['id']}", "DELETE")
            self._lab.home.reset_settings()  # with the theme that the page may have set


@pytest.fixture(scope="session")
def shared_window(chromium_driver: Driver, lab_server: Lab) -> Iterator[SharedWindow]:
    """Keep one window for all tests: loading JupyterLab takes far more than opening a notebook."""
    window = SharedWindow(chromium_driver, lab_server)
    yield window
    window.drop()


@pytest.fixture(scope="module")
def lab_env() -> Mapping[str, str]:
    """Return variables for the module's kernels; a module that needs some has such a fixture."""
    return {}


@pytest.fixture(scope="module")
def lab(
    request: pytest.FixtureRequest,
    lab_server: Lab,
    shared_window: SharedWindow,
    lab_env: Mapping[str, str],
) -> Iterator[Folder]:
    """Make a folder and a kernel of the module's own in the JupyterLab of all tests."""
    # The server takes the calls: its kernels have to look where it puts them.
    env = {name: value for name, value in lab_env.items() if name != "LIANGXIN_CALLBACKS"}
    yield Folder(lab_server, request.module.__name__.rpartition(".")[2], env, KEY)
    shared_window.shut()


@pytest.fixture
def service(lab: Folder, sandbox_service: Service) -> Service:
    """Let the module's notebooks use the tests' own sandbox; its time runs, nothing is at fault."""
    sandbox_service.publish(lab.results)
    sandbox_service.reset()
    return sandbox_service


@pytest.fixture
def new_window(shared_window: SharedWindow) -> Iterator[None]:
    """Give the test a window of its own, for settings that JupyterLab reads when it is loaded."""
    shared_window.drop()
    yield
    shared_window.drop()


@pytest.fixture
def busy_cell(request: pytest.FixtureRequest, lab: Folder) -> Iterator[BusyCell]:
    """Return the source of a cell that keeps the kernel busy until the test lets it end."""
    cell = BusyCell(lab.root / f"{ipynb.slug(request.node.name)}.end")
    yield cell
    cell.end()


@pytest.fixture
def notebook(
    request: pytest.FixtureRequest,
    chromium_browser: Browser,
    shared_window: SharedWindow,
    lab: Folder,
) -> Iterator[OpenNotebook]:
    """Return a function that opens a notebook: given as cells of code, or by its path.

    With `shared`, the notebook stays open for the next test that asks for the same cells; only
    for tests that leave it as they have found it.
    """
    stash = request.node.stash
    stash[FAILED], stash[OPENED] = False, None
    kept: list[Sequence[str]] = []

    def open_notebook(
        cells: Sequence[str] | str, kernel: bool = True, shared: bool = False
    ) -> Notebook:
        path = cells if isinstance(cells, str) else ""
        kept[:] = [cells] if shared else []
        page = shared_window.left(lab, cells) if shared else None
        if page is None:
            path = path or lab.write(request.node.name, list(cells))
            if kernel:
                ipynb.set_kernel(lab.root / path, lab.kernel)
            page = shared_window.open(chromium_browser, lab, path, kernel)
        stash[OPENED] = page
        return page

    yield open_notebook
    if stash[FAILED]:
        shared_window.drop()
    elif kept:
        shared_window.leave(lab, kept[0])
    else:
        shared_window.shut()


FAILED = pytest.StashKey[bool]()
OPENED = pytest.StashKey[Notebook | None]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of this folder: for the browser, run again when it fails, on which worker."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))
            item.add_marker(pytest.mark.xdist_group(HALVES.get(item.path.stem, OTHER_HALF)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save a screenshot of the notebook that a failed test has open."""
    report = yield
    if report.when != "teardown" and report.failed:
        item.stash[FAILED] = True
        if page := item.stash.get(OPENED, None):
            try:
                shot = page.screenshot(f"failed-{ipynb.slug(item.name)}")
                report.sections.append(("screenshot", f"{shot}\nerrors: {page.errors}"))
            except PlaywrightError as error:  # the page may be what has failed
                report.sections.append(("screenshot", str(error)))
    return report
