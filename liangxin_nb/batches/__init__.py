"""Many prompts at once: planned, guarded as a whole, sent within a window, taken up again."""

from ._base import Outcome, Progress
from .estimate import Estimate
from .live import Batch
from .opening import MOST, Draft, draft, listing, reopen
from .rows import lines
from .sheet import Sheet

__all__ = [
    "MOST",
    "Batch",
    "Draft",
    "Estimate",
    "Outcome",
    "Progress",
    "Sheet",
    "draft",
    "lines",
    "listing",
    "reopen",
]
