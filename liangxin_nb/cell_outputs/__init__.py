"""The durable outputs of cells: what a notebook shows without kernel, widgets and network.

An output depends on the record of the ledger and the saved files alone. The kernel shows it at the
end of a job; the server and the command line write the same into notebook files.
"""

from .batch_output import batch_output
from .batch_summary import BatchSummary, summarize_batch
from .job_output import CellOutput, job_output
from .lineage_tree import LineageTree

__all__ = [
    "BatchSummary",
    "CellOutput",
    "LineageTree",
    "batch_output",
    "job_output",
    "summarize_batch",
]
