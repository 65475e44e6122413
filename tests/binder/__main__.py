"""`make binder-check`: from the Dockerfile to a downloaded zip, like a new user."""

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
#: Memory limit of a Binder for one user, in bytes.
MAX_MEMORY = 1_000_000_000


class Server(Lab):
    """Jupyter as started by binder/start, under the URL of a hub."""

    def __init__(self, python, home, folder):
        env = {
            **image.SERVER_VARIABLES,
            "PYTHONPATH": "",
            "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        }
        super().__init__(home, env, "/user/x/", folder / "jupyter", python=str(python))
        self._command = ("bash", "binder/start", "jupyter", "lab")
        with socket.socket() as probe:  # the server of the base image does not report its port
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._cwd = home


def log(text):
    print(text, flush=True)


def build_image(folder, home):
    """Run the steps of the image and print the seconds of each."""
    text = image.dockerfile(folder, home)
    required = ("binder/requirements.txt", "binder/postBuild", 'R2D_ENTRYPOINT="')
    missing = [line for line in required if line not in text.replace("'", '"')]
    assert not missing, f"the Dockerfile has no {missing}: {text[-3000:]}"
    version = image.python_version(home)
    log(f"Dockerfile rendered: {len(text.splitlines())} lines, Python {version}")
    python = image.create_base(folder / "env", version)
    log(f"base image's pins: {', '.join(image.BASE)}")
    log(f"dry run: {image.list_upgrades(python, home)}")
    start = time.monotonic()
    for step in image.build(python, home):
        log(f"{step}: {time.monotonic() - start:.0f} s")
        start = time.monotonic()


def run_tutorial(page, home):
    """Run the first tutorial, export everything, and return the path of the zip."""
    start = time.monotonic()
    page.load("")
    page.page.wait_for_url("**/lab/tree/notebooks/*.ipynb**")
    page.wait("ready", True)
    path = page.page.url.split("?")[0].rpartition("/user/x/")[2]
    log(f"opened {path}: {time.monotonic() - start:.1f} s")
    page.screenshot("binder-opened")
    start = time.monotonic()
    page.call("command", "notebook:run-all-cells")
    prompt_cells = page.page.evaluate(
        "() => harness.panel().content.widgets.map((c, n) => [n, c.model.sharedModel.getSource()])"
        ".filter(([n, s]) => s.startsWith('%%liangxin')).map(([n]) => n)"
    )
    for cell in prompt_cells:
        page.wait("shows", cell, "^$", timeout=120)
        assert [image["mime"] for image in page.images(cell)] == ["image/jpeg"]
    log(f"first tutorial: {len(prompt_cells)} pictures in {time.monotonic() - start:.1f} s")
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
    """Print each step with its seconds and the peak memory; exit with 1 on failure."""
    SHOTS.mkdir(exist_ok=True)
    start = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="folder of the image, reused if it exists")
    image_folder = parser.parse_args().image
    with tempfile.TemporaryDirectory(prefix="liangxin-binder-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        home = image.copy_repository(folder)
        work = image_folder or folder
        python = work / "env" / "bin" / "python"
        if not python.exists():
            work.mkdir(parents=True, exist_ok=True)
            build_image(work, home)
        driver = Driver()
        try:
            with (
                Memory(work / "env") as memory,
                Server(python, home, folder) as server,
                driver.activate() as browser,
            ):
                page = Notebook(browser, server)
                page.shots = SHOTS
                target = run_tutorial(page, home)
                page.close()
        finally:
            driver.stop()
        with zipfile.ZipFile(target) as archive:
            names = archive.namelist()
        log(f"downloaded: {target.stat().st_size / 1e6:.1f} MB, {len(names)} files")
        assert "ledger.jsonl" in names
        assert [n for n in names if n.endswith(".ipynb")]
    parts = ", ".join(f"{n.split()[0]} {size / 1e6:.0f}" for n, size in memory.parts.items())
    log(f"peak memory: {memory.peak / 1e6:.0f} MB ({parts}); the limit of a Binder is 1000 MB")
    log(f"total: {time.monotonic() - start:.0f} s")
    sys.exit(0 if memory.peak < MAX_MEMORY else 1)


if __name__ == "__main__":
    main()
