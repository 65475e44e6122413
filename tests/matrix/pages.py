"""What each front end in a browser must show: a card that lives, then a picture that stays."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from ..browser.home import Home
from ..browser.lab import Lab
from .checks import ASK, LOAD, pictures, write
from .environments import Environment

SHOTS = Path(__file__).parent / "screenshots"
PATIENCE = 90_000  # milliseconds
#: Slow enough that the card is seen, whatever the machine.
ENV = {"LIANGXIN_SPEED": "2"}


def lab(here: Environment, folder: Path, browser: Browser) -> str:
    """JupyterLab."""
    return _notebook(here, folder, browser, app="jupyterlab", path="lab/tree/n.ipynb?reset")


def notebook(here: Environment, folder: Path, browser: Browser) -> str:
    """Notebook 7."""
    return _notebook(here, folder, browser, app="notebook", path="notebooks/n.ipynb")


def _notebook(here: Environment, folder: Path, browser: Browser, *, app: str, path: str) -> str:
    root = folder / "notebooks"
    root.mkdir(parents=True)
    write(root / "n.ipynb", LOAD, ASK, "import time; time.sleep(3)")
    env = ENV if here.name == "this" else {**ENV, "PYTHONPATH": ""}
    with (
        Lab(root, env, home=folder / "home", python=str(here.python), app=app) as server,
        window(browser) as page,
    ):
        page.goto(server.address(path))
        run_all(page)
        expect(page.locator(".lx-card").first).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("button", name="Leave")).to_be_visible()
        image = page.locator(".jp-OutputArea-output img").first
        expect(image).to_be_visible(timeout=PATIENCE)
        expect(page.locator(".lx-card")).to_have_count(0)
        page.screenshot(path=SHOTS / f"{app}-{here.name}.png")
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        until(lambda: pictures(root / "n.ipynb"))
    return "card beside a busy cell, then the picture; saved"


def voila(here: Environment, folder: Path, browser: Browser) -> str:
    """Voila: the card keeps the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "n.ipynb", LOAD, ASK)
    home = Home(folder / "home", str(here.python))
    home.prepare()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = ENV if here.name == "this" else {**ENV, "PYTHONPATH": ""}
    options = ("--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1")
    with home.log.open("ab") as log:
        server = subprocess.Popen(
            [here.python, "-m", "voila", "n.ipynb", *options],
            cwd=folder, env=home.environment(env), stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/"
        until(lambda: _answers(f"{url}voila/static/voila.js") or server.poll() is not None)
        with window(browser) as page:
            page.goto(url, timeout=PATIENCE)
            expect(page.locator(".lx-card")).to_be_visible(timeout=PATIENCE)
            expect(page.locator(".lx-card img.lx-picture")).to_be_visible(timeout=PATIENCE)
            expect(page.locator(".lx-card")).to_contain_text("Done")
            page.screenshot(path=SHOTS / f"voila-{here.name}.png")
    finally:
        server.terminate()
        server.wait(20)
    return "card, live, with the picture in it"


def run_all(page: Page) -> None:
    """Runs a notebook from top to bottom, once its page and its kernel are there."""
    ready = """() => {
        const app = window.jupyterapp;
        const panel = [...(app?.shell?.widgets('main') ?? [])].find((p) => p.sessionContext);
        return panel?.context.isReady && panel.sessionContext.session?.kernel?.status === 'idle';
    }"""
    page.wait_for_function(ready, timeout=PATIENCE)
    # Not awaited: it returns when all have run.
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.2)


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """A window of its own."""
    SHOTS.mkdir(exist_ok=True)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        yield context.new_page()
    finally:
        context.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


PAGES: dict[str, Callable[[Environment, Path, Browser], str]] = {
    "lab": lab,
    "notebook": notebook,
    "voila": voila,
}
