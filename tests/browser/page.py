"""One notebook, open in JupyterLab in a browser."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from .lab import Lab
from .window import DEADLINE, Window


class Notebook(Window):
    """Control one notebook at a time in a window; cells count from 0, and -1 is the last."""

    def __init__(self, browser: Browser, lab: Lab, folder: str = "") -> None:
        """Open an empty window; `open` opens a notebook from that folder of the lab."""
        super().__init__(browser, lab)
        self.folder = folder
        self.path = ""

    def open(self, path: str, kernel: bool = True) -> None:
        """Open a notebook from the folder, with or without a kernel, and close the previous one.

        JupyterLab is loaded once for all notebooks of the window, because loading it takes much
        longer than opening a notebook.
        """
        if not self.loaded:
            self.load("lab?reset")
        self.path = path
        self.call("open", str(PurePosixPath(self.folder, path)), kernel)
        self._wait_ready(kernel)

    def reload(self) -> None:
        """Reload the page with the same notebook."""
        self.load(f"lab/tree/{quote(str(PurePosixPath(self.folder, self.path)))}?reset")
        self._wait_ready(True)

    def _wait_ready(self, kernel: bool) -> None:
        self.wait("ready", kernel)
        if not kernel and self.call("hasKernel"):
            raise RuntimeError(f"{self.path} has a kernel running: close the notebook first")

    def run(self, cell: int) -> None:
        """Start a cell and return at once."""
        self.call("run", cell)

    def run_and_wait(self, cell: int, timeout: float = DEADLINE) -> str:
        """Run a cell, wait until it has finished, and return the text of its output."""
        self.run(cell)
        self.wait_done(cell, timeout)
        return self.text(cell)

    def wait_done(self, cell: int, timeout: float = DEADLINE) -> None:
        """Wait until a cell has finished."""
        self.wait("done", cell, timeout=timeout)

    def prompt(self, cell: int) -> str:
        """Return a cell's prompt: `[ ]`, `[*]` or `[7]`."""
        return str(self.call("prompt", cell))

    def is_busy(self, cell: int) -> bool:
        """Return whether a cell is running or queued."""
        return self.prompt(cell) == "[*]"

    def text(self, cell: int) -> str:
        """Return the visible text of a cell's output."""
        return str(self.call("text", cell))

    def wait_text(self, cell: int, pattern: str, timeout: float = DEADLINE) -> str:
        """Wait until a cell's output matches a JavaScript pattern, and return the output."""
        try:
            self.wait("shows", cell, pattern, timeout=timeout)
        except PlaywrightTimeout:
            output = self.text(cell)
            message = f"no {pattern!r} in the output of cell {cell} in {timeout} s: {output!r}"
            raise AssertionError(message) from None
        return self.text(cell)

    def images(self, cell: int) -> list[dict[str, Any]]:
        """Return mime, src, width, height, alt and visible of each image in a cell's output."""
        images: list[dict[str, Any]] = self.call("images", cell)
        return images

    def click(self, cell: int, label: str, timeout: float = DEADLINE) -> None:
        """Click the button with that name in a cell's output, as soon as it is enabled."""
        output = self.page.locator(self._selector(cell)).locator(".jp-Cell-outputArea")
        # The name includes the glyph of an icon, a private-use character.
        name = re.compile(rf"^[\s\ue000-\uf8ff]*{re.escape(label)}[\s\ue000-\uf8ff]*$")
        button = output.get_by_role("button", name=name)
        # A click waits for the element found first, even if another view with such a button
        # has replaced it; this looks the button up again until it is enabled.
        expect(button).to_be_enabled(timeout=timeout * 1000)
        self.wait("listening", timeout=timeout)
        button.click(timeout=timeout * 1000)

    def interrupt(self) -> None:
        """Interrupt the kernel."""
        self.call("command", "notebook:interrupt-kernel")

    def restart(self, timeout: float = DEADLINE) -> None:
        """Restart the kernel, confirm the dialog, and wait until the new kernel is idle."""
        self.call("restart")
        accept = self.page.locator(".jp-Dialog .jp-mod-accept")
        accept.click(timeout=timeout * 1000)
        self.wait("restarted", timeout=timeout)

    def save(self) -> None:
        """Save the notebook."""
        self.call("save")

    def shut(self) -> None:
        """Shut the kernel down and close the notebook without saving it."""
        self.call("shut")

    def close(self) -> None:
        """Shut the kernel down and close the window without saving the notebook."""
        if self.page.is_closed():
            return
        try:
            if self.loaded:
                self.shut()
        finally:
            self.leave()

    def type_and_tab(self, cell: int, text: str) -> list[str]:
        """Type a text into a cell, press Tab and return the completions of the kernel.

        A single completion is inserted at once and returned as the only one.
        """
        self.page.keyboard.press("Escape")
        self.call("edit", cell, text)
        self.wait("editing", cell)
        self.page.keyboard.press("Tab")
        self.wait("completed", cell, text)
        labels: list[str] = self.call("completions", cell, text)
        return labels

    def screenshot(self, name: str, cell: int | None = None) -> Path:
        """Save a screenshot of the window, or of one whole cell, and return its path."""
        return self.picture(name, None if cell is None else self._selector(cell))

    def _selector(self, cell: int) -> str:
        """Mark a cell's element and return a CSS selector for it."""
        return f"[data-harness='{self.call('mark', cell)}']"
