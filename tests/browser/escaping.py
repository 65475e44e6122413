"""Check that untrusted text has not become an element of a page."""

from __future__ import annotations

from .. import hostile
from .window import Window


def assert_only_text(window: Window) -> None:
    """Assert that hostile text has created no element and that its handler has not run."""
    assert window.page.locator(f"[src='{hostile.SOURCE}'], [onerror]").count() == 0
    assert window.page.evaluate(f"window.{hostile.FLAG} === undefined")
