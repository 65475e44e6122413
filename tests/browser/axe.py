"""What axe-core finds in a part of a page."""

from __future__ import annotations

from typing import Any

from .page import Notebook
from .window import SIZE


def findings(notebook: Notebook, part: str, width: int = SIZE["width"]) -> list[Any]:
    """Return impact, rule, element and advice of each finding in a window of that width."""
    from axe_playwright_python.base import AXE_SCRIPT

    page = notebook.page
    page.set_viewport_size({"width": width, "height": 2600})
    page.evaluate(AXE_SCRIPT)
    told = page.evaluate("part => axe.run({ include: [[part]] })", part)
    page.set_viewport_size(SIZE)
    assert "color-contrast" in [rule["id"] for rule in told["passes"]]
    return [
        (rule["impact"], rule["id"], node["html"][:200], node["failureSummary"])
        for rule in told["violations"]
        for node in rule["nodes"]
    ]
