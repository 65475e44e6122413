"""Find a Chromium to drive, or install one: ``python tests/browser/chromium.py --install``."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

VARIABLE = "LIANGXIN_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ROOT = getattr(os, "geteuid", lambda: -1)() == 0

# Without the background flags the browser looks up its maker's hosts at every start, which is
# slow and noisy where the network is closed.
ARGS: tuple[str, ...] = (
    *(("--no-sandbox",) if ROOT else ()),
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-quic",
    "--no-default-browser-check",
    "--no-first-run",
    "--force-color-profile=srgb",
)

# In a process of its own: the sync API refuses to start where an event loop is running.
OWN = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def bundled() -> Path | None:
    """Return the Chromium that Playwright has downloaded, if it has."""
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True)
    path = Path(done.stdout.strip() or "missing")
    return path if path.is_file() else None


def find() -> Path | None:
    """Return a browser: the one the environment names, one on the path, or Playwright's own."""
    named = os.environ.get(VARIABLE)
    if named:
        path = shutil.which(named)
        return Path(path) if path else None
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return Path(path)
    return bundled()


def succeeds(*command: str) -> bool:
    """Run a command, show what it prints, and tell whether it ended well."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment).returncode == 0


def install() -> Path | None:
    """Return a browser, installing one first if there is none."""
    found = find()
    if found or os.environ.get(VARIABLE):
        return found
    if ROOT and shutil.which("apt-get"):
        packages = ("chromium", "fonts-liberation")
        succeeds("apt-get", "update", "-q")
        succeeds("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages)
        found = find()
    # Also where apt has no such package: Ubuntu offers Chromium as a snap only.
    if not found:
        succeeds(sys.executable, "-m", "playwright", "install", "chromium")
        found = find()
    return found


def main() -> int:
    """Say in one line which browser the tests will use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install one if there is none")
    found = install() if parser.parse_args().install else find()
    if found:
        print(f"chromium: {found}")
        return 0
    print(f"chromium: none found; install one, or name it in {VARIABLE}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
