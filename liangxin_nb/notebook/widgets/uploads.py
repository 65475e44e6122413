"""Files that a page uploads to a FileUpload widget."""

from __future__ import annotations

from typing import Any


def take_files(upload: Any) -> list[tuple[str, bytes]]:
    """Remove the uploaded files from a widget and return their names and contents.

    The state of a widget is sent to every page, and can be saved; and only a widget without files
    reports it when the same file is chosen again.

    Args:
        upload: A FileUpload of ipywidgets 7 or 8.
    """
    value = upload.value
    if isinstance(value, dict):  # ipywidgets 7
        files = [(str(name), bytes(file["content"])) for name, file in value.items()]
        if files:
            upload.set_trait("value", {})
            upload.metadata, upload.data = [], []
    else:
        files = [(str(file["name"]), bytes(file["content"])) for file in value]
        if files:
            upload.value = ()
    return files
