"""Print texts below a cell or in a terminal."""

from __future__ import annotations

from ..core.formatting import printable
from ..core.printing import write_text

__all__ = ["print_text"]


def print_text(text: object) -> None:
    """Print a text of one or more lines; its control characters are shown as symbols."""
    write_text(f"{printable(str(text), multiline=True)}\n")
