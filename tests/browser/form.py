"""The panel of one notebook page, by its labels, as people and screen readers find it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator

from .page import Notebook
from .window import SCREENSHOTS, SIZE


class Form:
    """Drive the panel in the output of one cell."""

    def __init__(self, page: Notebook, cell: int) -> None:
        """Use the panel that this cell shows."""
        self.notebook = page
        self.box = page.page.locator(page._selector(cell)).locator(".lx-panel")

    def field(self, label: str) -> Locator:
        """Return the control of that label."""
        return self.box.get_by_label(label, exact=True)

    def button(self, name: str) -> Locator:
        """Return the button of that name."""
        return self.box.get_by_role("button", name=name)

    def cards(self) -> Locator:
        """Return the cards, newest first."""
        return self.box.locator(".lx-card")

    def write(self, prompt: str) -> None:
        """Write a prompt, and wait until the kernel has it."""
        self.field("Prompt").fill(prompt)
        self.wait_code(prompt.splitlines()[0])

    def code(self) -> str:
        """Return the cell that the panel teaches."""
        return self.field("The same as a cell").input_value()

    def wait_code(self, part: str) -> str:
        """Wait until the taught cell holds a text."""
        field = self.field("The same as a cell").element_handle()
        self.notebook.wait_js("([field, part]) => field.value.includes(part)", [field, part])
        return self.code()

    def top(self, locator: Locator) -> float:
        """Return where something begins, from the panel's top."""
        here, there = self.box.bounding_box(), locator.bounding_box()
        assert here
        assert there
        return there["y"] - here["y"]

    def screenshot(self, name: str, width: int = SIZE["width"]) -> Path:
        """Save a picture of the whole panel in a window of that width."""
        page = self.notebook.page
        page.set_viewport_size({"width": width, "height": 2600})
        file = SCREENSHOTS / f"{name}.png"
        self.box.screenshot(path=file, animations="disabled")
        page.set_viewport_size(SIZE)
        return file
