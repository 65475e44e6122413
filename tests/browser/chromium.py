"""Find a Chromium for the tests, or install one: ``python tests/browser/chromium.py --install``."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

VARIABLE = "LIANGXIN_CHROMIUM"
EXECUTABLES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
IS_ROOT = getattr(os, "geteuid", lambda: -1)() == 0

# Without these flags the browser contacts hosts of its vendor at every start, which is slow
# without a network.
CHROMIUM_ARGS: tuple[str, ...] = (
    *(("--no-sandbox",) if IS_ROOT else ()),
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

# Run in a separate process: the sync API does not start while an event loop is running.
PRINT_PLAYWRIGHT_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def find_playwright_chromium() -> Path | None:
    """Return the Chromium that Playwright has downloaded, or None."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_PLAYWRIGHT_PATH], capture_output=True, text=True
    )
    path = Path(done.stdout.strip() or "missing")
    return path if path.is_file() else None


def find_chromium() -> Path | None:
    """Return the browser from the environment variable, from the path or from Playwright."""
    configured = os.environ.get(VARIABLE)
    if configured:
        path = shutil.which(configured)
        return Path(path) if path else None
    for name in EXECUTABLES:
        path = shutil.which(name)
        if path:
            return Path(path)
    return find_playwright_chromium()


def run_command(*command: str) -> bool:
    """Run a command, show its output, and return whether it succeeded."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment).returncode == 0


def install_chromium() -> Path | None:
    """Return a browser, and install one first if there is none."""
    path = find_chromium()
    if path or os.environ.get(VARIABLE):
        return path
    if IS_ROOT and shutil.which("apt-get"):
        packages = ("chromium", "fonts-liberation")
        run_command("apt-get", "update", "-q")
        run_command("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages)
        path = find_chromium()
    # Also if apt has no such package: Ubuntu offers Chromium only as a snap.
    if not path:
        run_command(sys.executable, "-m", "playwright", "install", "chromium")
        path = find_chromium()
    return path


def main() -> int:
    """Print which browser the tests use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install one if there is none")
    path = install_chromium() if parser.parse_args().install else find_chromium()
    if path:
        print(f"chromium: {path}")
        return 0
    print(f"chromium: not found; install it, or set {VARIABLE} to its path", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
