"""Print texts below a cell or in a terminal."""

from __future__ import annotations

from ..core.formatting import printable

__all__ = ["print_text"]


def print_text(text: object) -> None:
    """Print a text of one or more lines; its control characters are shown as symbols."""
    print(printable(str(text), multiline=True))  # noqa: T201 the only print of the notebook package
