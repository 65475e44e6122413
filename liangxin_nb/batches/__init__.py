"""Batches: many prompts as one, prepared, started, resumed and shown together."""

from .batch import Batch
from .contact_sheet import ContactSheet
from .estimate import Estimate
from .factory import MAX_TASKS, PreparedBatch, open_batch, prepare, unsent_batches
from .grid import build_grid
from .inputs import parse_prompts, prompt_lines
from .listing import list_batches
from .outcome import Outcome, Progress

__all__ = [
    "MAX_TASKS",
    "Batch",
    "ContactSheet",
    "Estimate",
    "Outcome",
    "PreparedBatch",
    "Progress",
    "build_grid",
    "list_batches",
    "open_batch",
    "parse_prompts",
    "prepare",
    "prompt_lines",
    "unsent_batches",
]
