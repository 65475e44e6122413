"""How long one finished task took."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Lived"]


class Lived(NamedTuple):
    """The seconds that a task took at the service, and after how many the work on it began.

    `began`: None where nobody knows.
    """

    seconds: float
    began: float | None = None
