"""Accessibility checks with axe-core."""

from __future__ import annotations

from typing import Any

from .page import Notebook
from .window import SIZE


def find_violations(
    notebook: Notebook, selector: str, width: int = SIZE["width"], height: int = 2600
) -> list[Any]:
    """Return impact, rule, element and advice of each violation in a window of that size."""
    from axe_playwright_python.base import AXE_SCRIPT

    page = notebook.page
    page.set_viewport_size({"width": width, "height": height})
    # axe checks contrast only inside the window; JupyterLab updates its layout after a resize.
    notebook.wait_js(
        "height => document.querySelector('.jp-LabShell').offsetHeight === height", height
    )
    page.locator(selector).first.scroll_into_view_if_needed()
    # JupyterLab's body has no height, so axe would treat all elements as clipped.
    page.evaluate("document.body.style.minHeight = '100vh'")
    page.evaluate(AXE_SCRIPT)
    report = page.evaluate("selector => axe.run({ include: [[selector]] })", selector)
    page.set_viewport_size(SIZE)
    assert "color-contrast" in [rule["id"] for rule in report["passes"]]
    return [
        (rule["impact"], rule["id"], node["html"][:200], node["failureSummary"])
        for rule in report["violations"]
        for node in rule["nodes"]
    ]
