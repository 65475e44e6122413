"""How a job has ended, in words: the same in a card, in a saved notebook and in a terminal."""

from __future__ import annotations

from markupsafe import Markup

from ...core.formatting import first_line
from ...core.job_record import JobPhase, JobUpdate
from ...core.next_step import describe_next_step
from .theme import state_style

__all__ = ["describe_outcome", "outcome_bundle", "outcome_line"]


def describe_outcome(update: JobUpdate) -> list[str]:
    """Return why there is no complete result, and what to do about it.

    Args:
        update: The last update of a job.
    """
    error, record = update.error, update.record
    reason = str(error) if error is not None else record.reason if record.is_partial else ""
    step = describe_next_step(record)
    if error is not None and error.next_step and update.phase == JobPhase.DETACHED:
        step = ""  # the error's own next step knows more, such as that the disk is full
    elif error is not None and step:
        reason = error.message
    return [line for line in (reason, step) if line]


def outcome_line(update: JobUpdate) -> str:
    """Return sign, word and model, such as `✕ Failed · z-image`."""
    style = state_style(update.display_state)
    return f"{style.sign} {style.word} · {update.record.request.model}"


def outcome_bundle(update: JobUpdate) -> dict[str, str]:
    """Return the durable output of a job without a result, which needs no kernel."""
    head, lines = outcome_line(update), describe_outcome(update)
    prompt = first_line(update.record.request.prompt)
    html = Markup('<div class="lx-outcome"><b>{}</b><div dir="auto">{}</div>{}</div>').format(
        head, prompt, Markup("").join(Markup("<div>{}</div>").format(line) for line in lines)
    )
    return {"text/plain": "\n".join([head, *lines]), "text/html": str(html)}
