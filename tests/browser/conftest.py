"""Fixtures that start JupyterLab and open notebooks in it.

Each worker of pytest-xdist starts one Chromium, one JupyterLab and one window for all its browser
tests. Each module has its own folder in that JupyterLab, and a kernel with the environment
variables from its fixture `lab_env`.
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
# The kernel also imports the package from this checkout, in either layout.
SOURCES = tuple(str(folder) for folder in (CHECKOUT / "src", CHECKOUT) if folder.is_dir())
#: Two groups with about the same duration, each on one worker: two JupyterLabs are enough.
GROUPS = {
    "test_access": "browser-1",
    "test_batch": "browser-1",
    "test_composer": "browser-1",
    "test_voila": "browser-1",
}
OTHER_GROUP = "browser-2"

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
    """Return the browser for one test."""
    with chromium_driver.activate() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start one JupyterLab for all tests."""
    folder = tmp_path_factory.mktemp("lab")
    path = os.pathsep.join([*SOURCES, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {
        "PYTHONPATH": path,
        "LIANGXIN_BUDGET": str(folder / "rate-limits"),
        "LIANGXIN_SANDBOX_KEY": KEY,
        KEY_VARIABLE: KEY,
    }
    with Lab(folder / "notebooks", env, home=folder / "home") as lab:
        yield lab


@pytest.fixture(scope="session")
def sandbox_service() -> Iterator[Service]:
    """Start one sandbox with an adjustable clock for all tests."""
    service = Service(KEY)
    yield service
    service.stop()


class SharedWindow:
    """The window in which all tests open their notebooks; a failed test closes it."""

    def __init__(self, driver: Driver, lab: Lab) -> None:
        """Create the window when it is first used."""
        self._driver, self._lab = driver, lab
        self._page: Notebook | None = None
        self._reusable: tuple[str, tuple[str, ...]] | None = None

    def open(self, browser: Browser, folder: Folder, path: str, kernel: bool) -> Notebook:
        """Open a notebook in the window and close the previous one."""
        if self._reusable is not None:
            self.close_notebook()
        if self._page is None:
            self._page = Notebook(browser, self._lab)
        page = self._page
        page.folder = folder.name
        page.errors.clear()
        page.page.set_viewport_size(SIZE)
        page.open(path, kernel)
        return page

    def reuse(self, folder: Folder, cells: Sequence[str]) -> Notebook | None:
        """Return the open notebook of an earlier test if it has the same cells, else None."""
        same = self._reusable == (folder.name, tuple(cells))
        if same and self._page is not None:
            self._page.errors.clear()
            self._page.page.set_viewport_size(SIZE)
        return self._page if same else None

    def keep_open(self, folder: Folder, cells: Sequence[str]) -> None:
        """Keep the notebook open for the next test with the same cells."""
        self._reusable = (folder.name, tuple(cells))

    def close_notebook(self) -> None:
        """Close the notebook and its kernel."""
        self._reusable = None
        if self._page is not None and self._page.loaded:
            with self._driver.activate():
                self._page.set_theme("light")
                self._page.shut()

    def close(self) -> None:
        """Close the window in any state, and shut down all kernels."""
        self._reusable = None
        page, self._page = self._page, None
        if page is not None:
            with self._driver.activate():
                page.leave()
            for session in self._lab.get("api/sessions"):
                self._lab.get(f"api/sessions/{session['id']}", "DELETE")
            self._lab.home.reset_settings()  # including the theme, which the page may have set


@pytest.fixture(scope="session")
def shared_window(chromium_driver: Driver, lab_server: Lab) -> Iterator[SharedWindow]:
    """Keep one window for all tests: loading JupyterLab takes longer than opening a notebook."""
    window = SharedWindow(chromium_driver, lab_server)
    yield window
    window.close()


@pytest.fixture(scope="module")
def lab_env() -> Mapping[str, str]:
    """Return environment variables for the module's kernels; modules can override this fixture."""
    return {}


@pytest.fixture(scope="module")
def lab(
    request: pytest.FixtureRequest,
    lab_server: Lab,
    shared_window: SharedWindow,
    lab_env: Mapping[str, str],
) -> Iterator[Folder]:
    """Create a folder and a kernel for the module in the shared JupyterLab."""
    # The server receives the callbacks, so its kernels must use the server's folder for them.
    env = {name: value for name, value in lab_env.items() if name != "LIANGXIN_CALLBACKS"}
    yield Folder(lab_server, request.module.__name__.rpartition(".")[2], env, KEY)
    shared_window.close_notebook()


@pytest.fixture
def service(lab: Folder, sandbox_service: Service) -> Service:
    """Let the module's notebooks use the shared sandbox, without faults, with a running clock."""
    sandbox_service.publish(lab.results)
    sandbox_service.reset()
    return sandbox_service


@pytest.fixture
def new_window(shared_window: SharedWindow) -> Iterator[None]:
    """Open a new window for the test: JupyterLab reads some settings only when it is loaded."""
    shared_window.close()
    yield
    shared_window.close()


@pytest.fixture
def busy_cell(request: pytest.FixtureRequest, lab: Folder) -> Iterator[BusyCell]:
    """Return a cell that keeps the kernel busy until the test ends it."""
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
    """Return a function that opens a notebook, from a list of code cells or from a path.

    With `shared`, the notebook stays open for the next test with the same cells; use it only in
    tests that restore the state of the notebook.
    """
    stash = request.node.stash
    stash[FAILED], stash[OPENED] = False, None
    reusable: list[Sequence[str]] = []

    def open_notebook(
        cells: Sequence[str] | str, kernel: bool = True, shared: bool = False
    ) -> Notebook:
        path = cells if isinstance(cells, str) else ""
        reusable[:] = [cells] if shared else []
        page = shared_window.reuse(lab, cells) if shared else None
        if page is None:
            path = path or lab.write(request.node.name, list(cells))
            if kernel:
                ipynb.set_kernel(lab.root / path, lab.kernel)
            page = shared_window.open(chromium_browser, lab, path, kernel)
        stash[OPENED] = page
        return page

    yield open_notebook
    if stash[FAILED]:
        shared_window.close()
    elif reusable:
        shared_window.keep_open(lab, reusable[0])
    else:
        shared_window.close_notebook()


FAILED = pytest.StashKey[bool]()
OPENED = pytest.StashKey[Notebook | None]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this folder: browser, one rerun after a failure, group of workers."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))
            item.add_marker(pytest.mark.xdist_group(GROUPS.get(item.path.stem, OTHER_GROUP)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save a screenshot of the open notebook when a test fails."""
    report = yield
    if report.when != "teardown" and report.failed:
        item.stash[FAILED] = True
        if page := item.stash.get(OPENED, None):
            try:
                screenshot = page.screenshot(f"failed-{ipynb.slug(item.name)}")
                report.sections.append(("screenshot", f"{screenshot}\nerrors: {page.errors}"))
            except PlaywrightError as error:  # the page itself may have failed
                report.sections.append(("screenshot", str(error)))
    return report
