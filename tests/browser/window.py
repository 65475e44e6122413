"""A browser window on a JupyterLab server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, ViewportSize

from .lab import Lab

SCREENSHOTS = Path(__file__).parent / "screenshots"
BRIDGE = Path(__file__).with_name("bridge.js")
Theme = Literal["light", "dark"]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SIZE: ViewportSize = {"width": 1280, "height": 900}
#: Timeout in seconds for all waits; long, because only a failing test reaches it.
DEADLINE = 60.0
TICK = 100  # poll interval in milliseconds


class Window:
    """A page with the script bridge.js; `errors` lists the errors that the page reports."""

    def __init__(self, browser: Browser, lab: Lab) -> None:
        """Open an empty window."""
        self.lab = lab
        self.loaded = False
        self.theme: Theme = "light"
        self.shots = SCREENSHOTS
        self.errors: list[str] = []
        self.context = browser.new_context(viewport=SIZE)
        self.context.set_default_timeout(DEADLINE * 1000)
        self.context.add_init_script(path=BRIDGE)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        # A page with unsaved changes asks before it is closed.
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def call(self, function: str, *values: Any) -> Any:
        """Call a function of the bridge and return its result."""
        return self.page.evaluate(f"values => harness.{function}(...values)", list(values))

    def wait(self, function: str, *values: Any, timeout: float = DEADLINE) -> None:
        """Wait until a function of the bridge returns true."""
        self.page.wait_for_function(
            f"values => harness.{function}(...values)",
            arg=list(values),
            timeout=timeout * 1000,
            polling=TICK,
        )

    def wait_js(self, expression: str, arg: Any = None) -> None:
        """Wait until a JavaScript expression, or a function of `arg`, is true."""
        self.page.wait_for_function(expression, arg=arg, polling=TICK)

    def load(self, path: str) -> None:
        """Load a page of the server and wait until JupyterLab has started."""
        self.page.goto(self.lab.address(path), wait_until="domcontentloaded")
        self.wait("started")
        self.call("settle")
        self.loaded = True

    def set_theme(self, theme: Theme) -> None:
        """Set JupyterLab's theme; the server stores it until its settings are reset."""
        if theme != self.theme:
            self.call("setTheme", THEMES[theme])
            self.wait("hasTheme", THEMES[theme])
            self.theme = theme

    def picture(self, name: str, selector: str | None = None) -> Path:
        """Save a screenshot of the window, or of one whole element, and return its path."""
        file = self.shots / f"{name}.png"
        self.page.evaluate("document.fonts.ready.then(() => null)")
        if selector is None:
            self.page.screenshot(path=file, animations="disabled")
            return file
        element = self.page.locator(selector).first
        box = element.bounding_box()
        # An element taller than the notebook's scrolling area would be clipped.
        height = int(box["height"]) + 300 if box else 0
        self.page.set_viewport_size({**SIZE, "height": max(SIZE["height"], height)})
        element.screenshot(path=file, animations="disabled")
        self.page.set_viewport_size(SIZE)
        return file

    def leave(self) -> None:
        """Close the window."""
        self.context.close()
