"""A button that takes a picture file of anybody's, to read its story back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .controls import StatusLine

__all__ = ["Upload"]


class Upload:
    """Takes one file at a time and lets go of its bytes once they are read."""

    def __init__(self, status_line: StatusLine, read: Callable[[bytes], None]) -> None:
        self._read = read
        self.widget = widgets.FileUpload(
            accept=".png,.jpg,.jpeg,.webp", multiple=False, description="Read a picture's story"
        )
        self.widget.tooltip = "Any PNG, JPEG or WebP made by this toolkit tells how it was made"
        self.widget.add_class("lx-upload")
        self.widget.observe(status_line.guarded(self._on_upload), names="value")

    def _on_upload(self) -> None:
        data = _content(self.widget.value)
        if data is None:
            return
        # Bytes of up to 64 MB are not kept, and the same file can be chosen again.
        self.widget.value = type(self.widget.value)()
        self._read(data)


def _content(value: Any) -> bytes | None:
    """The chosen file's bytes; ipywidgets 7 has a dictionary here, 8 a tuple."""
    files = list(value.values()) if isinstance(value, dict) else list(value)
    return bytes(files[0]["content"]) if files else None
