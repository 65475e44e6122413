"""Checks in a browser: a card during the task, then a picture that is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from ..browser.folder import BusyCell
from ..browser.home import Home
from ..browser.lab import Lab
from ..browser.service import Service
from ..browser.voila import serve_voila
from ..browser.window import TICK
from ..conftest import wait_until
from ..scan import KEY
from .checks import LOAD, PROMPT_CELL, pictures, write
from .environments import Environment

SHOTS = Path(__file__).parent / "screenshots"
PATIENCE = 90_000  # milliseconds


def lab(environment: Environment, folder: Path, browser: Browser) -> str:
    """Run a notebook in JupyterLab."""
    return _notebook(environment, folder, browser, app="jupyterlab", path="lab/tree/n.ipynb?reset")


def notebook(environment: Environment, folder: Path, browser: Browser) -> str:
    """Run a notebook in Notebook 7."""
    return _notebook(environment, folder, browser, app="notebook", path="notebooks/n.ipynb")


def _notebook(
    environment: Environment, folder: Path, browser: Browser, *, app: str, path: str
) -> str:
    root = folder / "notebooks"
    root.mkdir(parents=True)
    busy = BusyCell(folder / "end")
    write(root / "n.ipynb", LOAD, PROMPT_CELL, busy.source)
    home = folder / "home"
    with (
        stopped_sandbox(root) as service,
        Lab(
            root, page_environment(environment), home=home, python=str(environment.python), app=app
        ) as server,
        window(browser) as page,
    ):
        page.goto(server.address(path))
        run_all(page)
        expect(page.locator(".lx-card").first).to_contain_text("Waiting")
        expect(page.get_by_role("button", name="Stop watching")).to_be_visible()
        service.move_to("success")
        image = page.locator(".jp-OutputArea-output img").first
        expect(image).to_be_visible()
        expect(page.locator(".lx-card")).to_have_count(0)
        busy.end()
        page.screenshot(path=SHOTS / f"{app}-{environment.name}.png")
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        wait_until(lambda: pictures(root / "n.ipynb"))
    return "card updates while a cell runs, then the picture; saved"


def voila(environment: Environment, folder: Path, browser: Browser) -> str:
    """Check that the card in Voila shows the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "n.ipynb", LOAD, PROMPT_CELL)
    home = Home(folder / "home", str(environment.python))
    with (
        stopped_sandbox(folder) as service,
        serve_voila(
            folder / "n.ipynb", page_environment(environment), home, str(environment.python)
        ) as url,
        window(browser) as page,
    ):
        page.goto(url, timeout=PATIENCE)
        expect(page.locator(".lx-card")).to_contain_text("Waiting")
        service.move_to("success")
        expect(page.locator(".lx-card img.lx-picture")).to_be_visible()
        expect(page.locator(".lx-card")).to_contain_text("Done")
        page.screenshot(path=SHOTS / f"voila-{environment.name}.png")
    return "card updates and shows the picture"


def page_environment(environment: Environment) -> dict[str, str]:
    """Return the environment variables; only the wheel must be importable."""
    env = {"LIANGXIN_SANDBOX_KEY": KEY}
    return env if environment.name == "this" else {**env, "PYTHONPATH": ""}


@contextmanager
def stopped_sandbox(folder: Path) -> Iterator[Service]:
    """Provide a sandbox with stopped time to the notebooks of a folder."""
    service = Service(KEY)
    try:
        service.stop_time()
        service.publish(folder / "liangxin-results")
        yield service
    finally:
        service.stop()


def run_all(page: Page) -> None:
    """Run all cells of a notebook when its page and kernel are ready."""
    ready = """() => {
        const app = window.jupyterapp;
        const panel = [...(app?.shell?.widgets('main') ?? [])].find((p) => p.sessionContext);
        return panel?.context.isReady && panel.sessionContext.session?.kernel?.status === 'idle';
    }"""
    page.wait_for_function(ready, polling=TICK)
    # Not awaited: the command returns when all cells have run.
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """Open a browser window."""
    SHOTS.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


PAGES: dict[str, Callable[[Environment, Path, Browser], str]] = {
    "lab": lab,
    "notebook": notebook,
    "voila": voila,
}
