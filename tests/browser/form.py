"""Controls of the panel in a notebook page, found by their labels."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator

from .page import Notebook
from .window import SCREENSHOTS, SIZE


class Form:
    """The panel in the output of one cell."""

    def __init__(self, page: Notebook, cell: int) -> None:
        """Find the panel in the output of this cell."""
        self.notebook = page
        self.box = page.page.locator(page._selector(cell)).locator(".lx-panel")

    def field(self, label: str) -> Locator:
        """Return the control with that label."""
        return self.box.get_by_label(label, exact=True)

    def button(self, name: str) -> Locator:
        """Return the button with that name."""
        return self.box.get_by_role("button", name=name)

    def cards(self) -> Locator:
        """Return the cards, newest first."""
        return self.box.locator(".lx-card")

    def write(self, prompt: str) -> None:
        """Type a prompt, and wait until the kernel has received it."""
        self.field("Prompt").fill(prompt)
        self.wait_code(prompt.splitlines()[0])

    def code(self) -> str:
        """Return the request as a cell, as the panel shows it."""
        return self.field("As a cell").input_value()

    def wait_code(self, part: str) -> str:
        """Wait until that cell contains a text."""
        field = self.field("As a cell").element_handle()
        self.notebook.wait_js("([field, part]) => field.value.includes(part)", [field, part])
        return self.code()

    def top(self, locator: Locator) -> float:
        """Return the distance of an element from the top of the panel."""
        panel, element = self.box.bounding_box(), locator.bounding_box()
        assert panel
        assert element
        return element["y"] - panel["y"]

    def screenshot(self, name: str, width: int = SIZE["width"]) -> Path:
        """Save a screenshot of the whole panel in a window of that width."""
        page = self.notebook.page
        page.set_viewport_size({"width": width, "height": 2600})
        file = SCREENSHOTS / f"{name}.png"
        self.box.screenshot(path=file, animations="disabled")
        page.set_viewport_size(SIZE)
        return file
