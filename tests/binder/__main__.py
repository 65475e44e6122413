"""`make binder-check`: from the Dockerfile to a downloaded zip, as someone new would go."""

import argparse
import socket
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from ..browser.driver import Driver
from ..browser.lab import Lab
from ..browser.page import Notebook
from . import image
from .memory import Memory

SHOTS = Path(__file__).parent / "screenshots"
#: What a Binder gives to one person.
MOST = 1_000_000_000


class Server(Lab):
    """Jupyter as binder/start starts it, under a hub's address."""

    def __init__(self, python, home, folder):
        env = {
            **image.TOLD,
            "PYTHONPATH": "",
            "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        }
        super().__init__(home, env, "/user/x/", folder / "jupyter", python=str(python))
        self._command = ("bash", "binder/start", "jupyter", "lab")
        with socket.socket() as free:  # the base image's server cannot tell which port it got
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._cwd = home


def said(text):
    print(text, flush=True)


def built(folder, home):
    """The steps of the image, each with its seconds."""
    text = image.dockerfile(folder, home)
    wanted = ("binder/requirements.txt", "binder/postBuild", 'R2D_ENTRYPOINT="')
    missing = [line for line in wanted if line not in text.replace("'", '"')]
    assert not missing, f"the Dockerfile has no {missing}: {text[-3000:]}"
    version = image.python_version(home)
    said(f"Dockerfile rendered: {len(text.splitlines())} lines, Python {version}")
    python = image.base(folder / "env", version)
    said(f"base image's pins: {', '.join(image.BASE)}")
    said(f"dry run: {image.lifted(python, home)}")
    start = time.monotonic()
    for step in image.build(python, home):
        said(f"{step}: {time.monotonic() - start:.0f} s")
        start = time.monotonic()


def walked(page, home):
    """The first tutorial from top to bottom, then everything in a zip; the zip's path."""
    start = time.monotonic()
    page.load("")
    page.page.wait_for_url("**/lab/tree/notebooks/*.ipynb**")
    page.wait("ready", True)
    place = page.page.url.split("?")[0].rpartition("/user/x/")[2]
    said(f"opened {place}: {time.monotonic() - start:.1f} s")
    page.screenshot("binder-opened")
    start = time.monotonic()
    page.call("command", "notebook:run-all-cells")
    asked = page.page.evaluate(
        "() => harness.panel().content.widgets.map((c, n) => [n, c.model.sharedModel.getSource()])"
        ".filter(([n, s]) => s.startsWith('%%liangxin')).map(([n]) => n)"
    )
    for cell in asked:
        page.wait("shows", cell, "^$", timeout=120)
        assert [image["mime"] for image in page.images(cell)] == ["image/jpeg"]
    said(f"first tutorial: {len(asked)} pictures in {time.monotonic() - start:.1f} s")
    page.picture("binder-tutorial")
    page.save()
    page.page.evaluate("harness.command('notebook:insert-cell-below')")
    page.page.evaluate("harness.cell(-1).model.sharedModel.setSource('%liangxin export')")
    page.run_and_wait(-1)
    page.wait_text(-1, "Download liangxin-")
    page.screenshot("binder-export", -1)
    with page.page.expect_download() as download:
        page.page.locator("a[download]").last.click()
    target = home.parent / "downloaded.zip"
    download.value.save_as(target)
    return target


def main():
    """Prints each step with its seconds, and the peak of memory; ends with 1 on any failure."""
    SHOTS.mkdir(exist_ok=True)
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="a folder for the image, used again if there")
    kept = parser.parse_args().image
    with tempfile.TemporaryDirectory(prefix="liangxin-binder-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        home = image.copied(folder)
        place = kept or folder
        python = place / "env" / "bin" / "python"
        if not python.exists():
            place.mkdir(parents=True, exist_ok=True)
            built(place, home)
        driver = Driver()
        try:
            with (
                Memory(place / "env") as memory,
                Server(python, home, folder) as server,
                driver.activate() as browser,
            ):
                page = Notebook(browser, server)
                page.shots = SHOTS
                target = walked(page, home)
                page.close()
        finally:
            driver.stop()
        with zipfile.ZipFile(target) as archive:
            names = archive.namelist()
        said(f"downloaded: {target.stat().st_size / 1e6:.1f} MB, {len(names)} files")
        assert "ledger.jsonl" in names
        assert [n for n in names if n.endswith(".ipynb")]
    parts = ", ".join(f"{n.split()[0]} {size / 1e6:.0f}" for n, size in memory.parts.items())
    said(f"peak memory: {memory.peak / 1e6:.0f} MB ({parts}); a Binder gives 1000 MB")
    said(f"all of it: {time.monotonic() - began:.0f} s")
    sys.exit(0 if memory.peak < MOST else 1)


if __name__ == "__main__":
    main()
