"""What each front end in a browser must show: a card that lives, then a picture that stays."""

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
from .checks import ASK, LOAD, pictures, write
from .environments import Environment

SHOTS = Path(__file__).parent / "screenshots"
PATIENCE = 90_000  # milliseconds


def lab(here: Environment, folder: Path, browser: Browser) -> str:
    """JupyterLab."""
    return _notebook(here, folder, browser, app="jupyterlab", path="lab/tree/n.ipynb?reset")


def notebook(here: Environment, folder: Path, browser: Browser) -> str:
    """Notebook 7."""
    return _notebook(here, folder, browser, app="notebook", path="notebooks/n.ipynb")


def _notebook(here: Environment, folder: Path, browser: Browser, *, app: str, path: str) -> str:
    root = folder / "notebooks"
    root.mkdir(parents=True)
    busy = BusyCell(folder / "end")
    write(root / "n.ipynb", LOAD, ASK, busy.source)
    home = folder / "home"
    with (
        _standing(root) as service,
        Lab(root, _env(here), home=home, python=str(here.python), app=app) as server,
        window(browser) as page,
    ):
        page.goto(server.address(path))
        run_all(page)
        expect(page.locator(".lx-card").first).to_contain_text("Waiting")
        expect(page.get_by_role("button", name="Leave")).to_be_visible()
        service.move_to("success")
        image = page.locator(".jp-OutputArea-output img").first
        expect(image).to_be_visible()
        expect(page.locator(".lx-card")).to_have_count(0)
        busy.end()
        page.screenshot(path=SHOTS / f"{app}-{here.name}.png")
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        wait_until(lambda: pictures(root / "n.ipynb"))
    return "card beside a busy cell, then the picture; saved"


def voila(here: Environment, folder: Path, browser: Browser) -> str:
    """Voila: the card keeps the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "n.ipynb", LOAD, ASK)
    home = Home(folder / "home", str(here.python))
    with (
        _standing(folder) as service,
        serve_voila(folder / "n.ipynb", _env(here), home, str(here.python)) as url,
        window(browser) as page,
    ):
        page.goto(url, timeout=PATIENCE)
        expect(page.locator(".lx-card")).to_contain_text("Waiting")
        service.move_to("success")
        expect(page.locator(".lx-card img.lx-picture")).to_be_visible()
        expect(page.locator(".lx-card")).to_contain_text("Done")
        page.screenshot(path=SHOTS / f"voila-{here.name}.png")
    return "card, live, with the picture in it"


def _env(here: Environment) -> dict[str, str]:
    """Only the wheel of an environment may be imported there."""
    env = {"LIANGXIN_SANDBOX_KEY": KEY}
    return env if here.name == "this" else {**env, "PYTHONPATH": ""}


@contextmanager
def _standing(folder: Path) -> Iterator[Service]:
    """A sandbox for the notebooks of a folder, in which time stands still."""
    service = Service(KEY)
    try:
        service.stop_time()
        service.publish(folder / "liangxin-results")
        yield service
    finally:
        service.stop()


def run_all(page: Page) -> None:
    """Runs a notebook from top to bottom, once its page and its kernel are there."""
    ready = """() => {
        const app = window.jupyterapp;
        const panel = [...(app?.shell?.widgets('main') ?? [])].find((p) => p.sessionContext);
        return panel?.context.isReady && panel.sessionContext.session?.kernel?.status === 'idle';
    }"""
    page.wait_for_function(ready, polling=TICK)
    # Not awaited: it returns when all have run.
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """A window of its own."""
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
