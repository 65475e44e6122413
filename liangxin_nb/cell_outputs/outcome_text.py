"""How a job has ended, in words: the same in a card, in a saved notebook and in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import cycle

from markupsafe import Markup

from ..core.formatting import first_line, printable
from ..core.job_record import JobPhase, JobStatus, JobUpdate
from ..core.next_step import describe_cost, describe_next_step
from ..core.state_style import state_style
from ..results import notice_html

__all__ = ["describe_outcome", "lines_html", "outcome_bundle", "outcome_line"]

#: The last sentence of a reason, if it names a command: the next step says it in more words.
_LAST_COMMAND = re.compile(r"(?<=[.)]) [^.]*%liangxin [^%]*$")
_COMMAND = re.compile(
    r"(%liangxin (?:(?:resume|again|batch|restore|vary|edit|show) [\w.-]*\w|doctor\b))"
)


def describe_outcome(update: JobUpdate) -> list[str]:
    """Return why there is no complete result, what it means for money, and what to do about it.

    Args:
        update: The last update of a job.
    """
    error, record = update.error, update.record
    reason = record.reason or (str(error) if error is not None else "")
    cost, step = describe_cost(record), describe_next_step(record)
    if error is not None and update.phase == JobPhase.DETACHED:
        # Its own next step knows more, such as that the disk is full.
        reason, step = str(error), "" if error.next_step else step
    elif update.phase == JobPhase.SAVED and not record.is_partial:
        return []
    if "%liangxin resume" in step:
        reason = _LAST_COMMAND.sub("", reason)
    cost = "" if "billed" in reason else cost
    return [printable(line) for line in (reason, cost, step) if line]


def outcome_line(update: JobUpdate) -> str:
    """Return sign, word and model, such as `✕ Failed · z-image`."""
    style = state_style(update.display_state)
    return printable(f"{style.sign} {style.word} · {update.record.request.model}")


def lines_html(lines: Iterable[str]) -> Markup:
    """Return lines one below the other, with their commands in the font of code."""
    return Markup("").join(map(Markup("<div>{}</div>").format, map(_mark_commands, lines)))


def describe_progress(update: JobUpdate) -> list[str]:
    """Return what to do about a job that has not ended, for a notebook file."""
    record = update.record
    if record.status != JobStatus.PENDING:
        command = f"%liangxin resume {record.task_id or record.id}"
        return [f"The result is not in this file yet. {command} collects it."]
    if record.batch_id:
        return [f"It was not sent yet. %liangxin batch {record.batch_id} sends it."]
    return ["It was not sent yet. Nothing is billed; run the cell again to send it."]


def outcome_bundle(update: JobUpdate) -> dict[str, str]:
    """Return the durable output of a job without a result, which needs no kernel."""
    head = outcome_line(update)
    lines = describe_outcome(update) if update.is_final else describe_progress(update)
    prompt = first_line(update.record.request.prompt)
    html = Markup('<div class="lx-outcome">{}</div>').format(
        notice_html(
            state_style(update.display_state).tone,
            Markup("<b>{}</b>").format(head),
            Markup('<span dir="auto">{}</span>').format(prompt),
            *map(_mark_commands, lines),
        )
    )
    return {"text/plain": "\n".join([head, *lines]), "text/html": str(html)}


def _mark_commands(line: str) -> Markup:
    styles = cycle((Markup("{}"), Markup("<code>{}</code>")))  # every second part is a command
    parts = zip(styles, _COMMAND.split(line), strict=False)
    return Markup("").join(style.format(part) for style, part in parts)
