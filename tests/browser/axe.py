"""What axe-core finds in a part of a page."""

from __future__ import annotations

from typing import Any

from .page import Notebook
from .window import SIZE


def findings(
    notebook: Notebook, part: str, width: int = SIZE["width"], height: int = 2600
) -> list[Any]:
    """Return impact, rule, element and advice of each finding in a window of that size."""
    from axe_playwright_python.base import AXE_SCRIPT

    page = notebook.page
    page.set_viewport_size({"width": width, "height": height})
    # Contrast is seen in the window only; JupyterLab lays out a moment after that has changed.
    notebook.wait_js(
        "height => document.querySelector('.jp-LabShell').offsetHeight === height", height
    )
    page.locator(part).first.scroll_into_view_if_needed()
    # All of JupyterLab is placed above a body without a height, where axe takes it for cut off.
    page.evaluate("document.body.style.minHeight = '100vh'")
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("part => axe.run({ include: [[part]] })", part)
    page.set_viewport_size(SIZE)
    assert "color-contrast" in [rule["id"] for rule in found["passes"]]
    return [
        (rule["impact"], rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
