"""Many prompts at once: planned, guarded as a whole, sent within a window, taken up again."""

from .batch import Batch
from .contact_sheet import Sheet
from .estimate import Estimate
from .factory import MOST, Draft, draft, listing, reopen
from .inputs import lines
from .outcome import Outcome, Progress

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
