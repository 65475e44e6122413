"""A headless Chromium that works together with tests that run event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

from . import chromium


class Driver:
    """Start the browser, and set its event loop as running only during browser tests.

    Playwright's sync API leaves its loop set as the running loop of the thread, so that every later
    `asyncio.run` in the same pytest session, and every async test, would fail.
    """

    def __init__(self) -> None:
        """Start the browser, also if another plugin has left its loop set as running."""
        executable = chromium.find_chromium()
        if executable is None:
            raise RuntimeError(f"no Chromium: run `python {chromium.__file__} --install`")
        other = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            self._playwright: Playwright = sync_playwright().start()
            self._loop = asyncio.get_running_loop()
            self.browser: Browser = self._playwright.chromium.launch(
                executable_path=executable, args=list(chromium.CHROMIUM_ARGS)
            )
        finally:
            asyncio._set_running_loop(other)

    @contextmanager
    def activate(self) -> Iterator[Browser]:
        """Return the browser, which can be used inside the `with` block."""
        other = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield self.browser
        finally:
            asyncio._set_running_loop(other)

    def stop(self) -> None:
        """Close the browser."""
        with self.activate():
            self.browser.close()
            self._playwright.stop()
