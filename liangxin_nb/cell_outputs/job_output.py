"""The durable output of one job."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ..core.job_record import JobUpdate
from ..results import OutputStyle, Result
from .outcome_text import outcome_bundle

__all__ = ["CellOutput", "job_output"]


class CellOutput(NamedTuple):
    """An output of a cell.

    Attributes:
        data: The MIME bundle.
        metadata: Its metadata; ``liangxin`` names the job.
    """

    data: dict[str, str]
    metadata: dict[str, Any]


def job_output(
    update: JobUpdate,
    *,
    style: OutputStyle = "figure",
    start: Path | None = None,
    reuse: bool = False,
) -> CellOutput:
    """Return the durable output of a job; of one that has not ended its state and the next step.

    Args:
        update: An update of the job.
        style: ``figure`` shows a picture with its caption, as HTML; ``image`` the picture alone.
        start: The folder of the notebook, to which links are relative; default: the working
            directory.
        reuse: Whether the cell gets the same result again while it is unchanged.
    """
    record, result = update.record, update.result
    if isinstance(result, Result):
        data, metadata = result.output(style=style, start=start, reuse=reuse)
    else:
        data, metadata = outcome_bundle(update), {}
    job: dict[str, Any] = {
        "job_id": record.id,
        "task_id": record.task_id,
        "status": update.display_state,
    }
    job |= {"reuse": True} if reuse else {}
    return CellOutput(data, {**metadata, "liangxin": job})
