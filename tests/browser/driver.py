"""A headless Chromium that lives beside tests with event loops of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

from . import chromium


class Driver:
    """Hold the browser, and show its event loop only while a browser test is on.

    Playwright's sync API leaves its loop marked as the running one of the thread, so that every
    later `asyncio.run` of the same pytest session, and every async test, would refuse to start.
    """

    def __init__(self) -> None:
        """Start the browser, also under a loop that another plug-in left marked."""
        executable = chromium.find()
        if executable is None:
            raise RuntimeError(f"no Chromium: run `python {chromium.__file__} --install`")
        other = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            self._playwright: Playwright = sync_playwright().start()
            self._loop = asyncio.get_running_loop()
            self.browser: Browser = self._playwright.chromium.launch(
                executable_path=executable, args=list(chromium.ARGS)
            )
        finally:
            asyncio._set_running_loop(other)

    @contextmanager
    def awake(self) -> Iterator[Browser]:
        """Make the browser usable inside the block."""
        other = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield self.browser
        finally:
            asyncio._set_running_loop(other)

    def stop(self) -> None:
        """Close the browser."""
        with self.awake():
            self.browser.close()
            self._playwright.stop()
