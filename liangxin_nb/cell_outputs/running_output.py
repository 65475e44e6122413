"""What a notebook file holds of a job that has not ended yet."""

from __future__ import annotations

from markupsafe import Markup

from ..core.formatting import first_line
from ..core.job_record import JobStatus, JobUpdate
from .job_output import CellOutput
from .outcome_text import lines_html, outcome_line

__all__ = ["running_output"]

_BLOCK = Markup(
    '<div class="lx-outcome" style="max-width: 720px; padding: 0 12px; line-height: 1.5; '
    'overflow-wrap: anywhere; border-left: 3px solid var(--jp-brand-color1, #1976d2)">'
    '<b>{}</b><div dir="auto">{}</div>{}</div>'
)


def running_output(update: JobUpdate) -> CellOutput:
    """Return a static block that names the state, the id and the next step.

    Args:
        update: The update of a job that is not final.
    """
    record, head, step = update.record, outcome_line(update), _next_step(update)
    html = _BLOCK.format(head, first_line(record.request.prompt), lines_html([step]))
    job = {"job_id": record.id, "task_id": record.task_id, "status": update.display_state}
    data = {"text/plain": f"{head}\n{step}", "text/html": str(html)}
    return CellOutput(data, {"liangxin": job})


def _next_step(update: JobUpdate) -> str:
    record = update.record
    if record.status == JobStatus.PENDING:
        if record.batch_id:
            return f"It was not sent yet. %liangxin batch {record.batch_id} sends it."
        return "It was not sent yet. Nothing is billed; run the cell again to send it."
    command = f"%liangxin resume {record.task_id or record.id}"
    return f"The result is not in this file yet. {command} collects it."
