"""How a job has ended, in words: the same in a card, in a saved notebook and in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import cycle

from markupsafe import Markup

from ..core.formatting import first_line, printable
from ..core.job_record import JobPhase, JobUpdate
from ..core.next_step import describe_next_step
from ..core.state_style import state_style

__all__ = ["describe_outcome", "lines_html", "outcome_bundle", "outcome_line"]

_COMMAND = re.compile(r"(%liangxin resume [\w.-]*\w)")
#: Inline: front ends remove style sheets from notebooks that they do not trust.
_BLOCK_STYLE = (
    "max-width: 720px; padding: 0 12px; line-height: 1.5; overflow-wrap: anywhere; "
    "border-left: 3px solid {}"
)
_TONES = {
    "bad": "var(--jp-error-color1, #d32f2f)",
    "warn": "var(--jp-warn-color1, #f57c00)",
}


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
    return [printable(line) for line in (reason, step) if line]


def outcome_line(update: JobUpdate) -> str:
    """Return sign, word and model, such as `✕ Failed · z-image`."""
    style = state_style(update.display_state)
    return printable(f"{style.sign} {style.word} · {update.record.request.model}")


def lines_html(lines: Iterable[str]) -> Markup:
    """Return lines one below the other, with their commands in the font of code."""
    return Markup("").join(map(_line_html, lines))


def outcome_bundle(update: JobUpdate) -> dict[str, str]:
    """Return the durable output of a job without a result, which needs no kernel."""
    head, lines = outcome_line(update), describe_outcome(update)
    prompt = first_line(update.record.request.prompt)
    html = Markup('<div class="lx-outcome" style="{}"><b>{}</b><div dir="auto">{}</div>{}</div>')
    style = _BLOCK_STYLE.format(_TONES[state_style(update.display_state).tone])
    html = html.format(style, head, prompt, lines_html(lines))
    return {"text/plain": "\n".join([head, *lines]), "text/html": str(html)}


def _line_html(line: str) -> Markup:
    styles = cycle((Markup("{}"), Markup("<code>{}</code>")))  # every second part is a command
    html = (style.format(part) for style, part in zip(styles, _COMMAND.split(line), strict=False))
    return Markup("<div>{}</div>").format(Markup("").join(html))
