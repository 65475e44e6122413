"""Widgets and outputs of jobs, batches and results, and the functions that show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from IPython.display import display

from ...batches import Batch
from ...cell_outputs import CellOutput
from ...core.job_record import JobUpdate
from ...core.printing import print_text
from ...errors import InvalidRequestError, LiangxinError
from ...results import OutputStyle, Result
from ...session import BaseSession
from ...session.default import current_settings, get_session
from ...session.job import Job
from ..key_notices import watch_for_notices
from .batch_display import display_batch
from .frontend import frontend, notebook_folder, shows_widgets
from .interrupt_notice import listen_to_interrupts
from .job_output import JobOutput, status_line
from .output import OutputHandle, display_widget, kernel_notice
from .refresher import REFRESHER
from .terminal import TerminalProgress

__all__ = [
    "frontend",
    "is_interactive",
    "panel",
    "register_formatters",
    "show",
    "show_item",
    "shows_widgets",
]


def show(job: Job, session: BaseSession, *, notes: Sequence[str] = (), brief: bool = False) -> None:
    """Show a job below the running cell: a live card, or lines of text without widgets.

    When the job ends, the output is replaced by the picture, or by the reason why there is none.

    Args:
        job: The job.
        session: Its session.
        notes: Remarks about the request, shown with the card.
        brief: Whether the reason is left out, for a cell that raises it as its error.
    """
    if frontend() in ("terminal", "script"):
        _show_text(job, session, notes, brief=brief, is_waited_for=brief)
        return
    if job.note and job.record.status != "saved":  # the caption of a saved result says it
        print_text(job.note)
    output = JobOutput(job.record, brief=brief, style=session.settings.output, reuse=job.is_reusing)
    if job.last_update.display_state == "saved":
        output.show_final(job.last_update)
        return
    # If widgets fail here, the job still runs, and lines of text report it.
    if shows_widgets():
        with suppress(Exception):
            _show_live(job, session, output, notes)
            return
    output.show_text("\n".join([status_line(job.last_update), *notes]))
    if is_interactive():
        job.watch(partial(_update_text, output, notes))
    job.watch(output.update)


def show_item(item: Job | Batch | Result | Sequence[Any], session: BaseSession) -> None:
    """Show a job, a batch or a result below the running cell, or each of several.

    Raises:
        InvalidRequestError: For anything else.
    """
    if isinstance(item, Job):
        show(item, session)
    elif isinstance(item, Batch):
        display_batch(item)
    elif isinstance(item, Result):
        OutputHandle().show_output(_result_output(item, session.settings.output))
    elif isinstance(item, list | tuple):
        for one in item:
            show_item(one, session)
    else:
        raise InvalidRequestError(
            f"show() takes a job, a batch, a result or a list of them, not {type(item).__name__}.",
            next_step="%liangxin show ID shows a task by its id.",
        )


def panel(get: Callable[[], BaseSession] = get_session) -> None:
    """Open the composer below the running cell: a form for each model, its code, and cards.

    It lives as long as its kernel; the line below it says so, also in a notebook reopened later.

    Args:
        get: Returns the session to use.

    Raises:
        InvalidRequestError: If there is no interactive front end.
    """
    if frontend() == "headless":  # a run of all cells must not fail here
        display(kernel_notice("liangxin_nb panel", "%liangxin panel"), raw=True)
        return
    if not shows_widgets():
        raise InvalidRequestError(
            "The panel needs a notebook in a browser; nothing was shown.",
            next_step="In scripts, use liangxin_nb.generate(...).",
        )
    from .composer import Composer
    from .gallery import register_target

    composer = Composer(get)
    register_target(composer)  # a gallery passes pictures to it
    display_widget(composer.box, "liangxin_nb panel", "%liangxin panel")


def is_interactive() -> bool:
    """Return whether the front end shows changes after a cell has ended."""
    return frontend() in ("live", "voila", "plain")


def register_formatters(shell: Any) -> None:
    """Let a job or batch that is a cell's last expression show itself, and notices, too."""
    watch_for_notices(shell)
    listen_to_interrupts()
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type(Job, _display_job)
    formatter.for_type(Batch, display_batch)
    shell.display_formatter.mimebundle_formatter.for_type(Result, _format_result)


def _format_result(result: Result) -> CellOutput:
    """Return a result that is the last expression of a cell as the settings ask for it."""
    style: OutputStyle = "figure"
    with suppress(LiangxinError):
        style = current_settings().output
    return _result_output(result, style)


def _result_output(result: Result, style: OutputStyle) -> CellOutput:
    return CellOutput(*result.output(style=style, start=notebook_folder()))


def _display_job(job: Job) -> None:
    if frontend() in ("terminal", "script"):
        _show_text(job, get_session(), brief=False, is_waited_for=True)
    else:
        show(job, get_session())
    if not is_interactive():
        # The shown line says how it ended; a formatter cannot fail the cell.
        with suppress(LiangxinError):
            job.wait()


def _show_live(
    job: Job,
    session: BaseSession,
    output: JobOutput,
    notes: Sequence[str],
) -> None:
    from .card_factory import make_card  # ipywidgets is loaded only where cards are shown

    card, followed = make_card(job, session, notes=notes, on_update=output.update)
    output.show_card(card)
    followed(job)


def _show_text(
    job: Job, session: BaseSession, notes: Sequence[str] = (), *, brief: bool, is_waited_for: bool
) -> None:
    line = TerminalProgress(job.last_update, is_waited_for=is_waited_for)
    for note in filter(None, (job.note, *notes)):
        print_text(note)  # there is nothing else to show it on
    job.watch(line.update)
    if not brief:
        job.watch(_print_reason)
    REFRESHER.add(line, session.loop)


def _print_reason(update: JobUpdate) -> None:
    if update.is_final and update.error is not None:
        print_text(update.error)  # there is nothing else to show it on


def _update_text(output: JobOutput, notes: Sequence[str], update: JobUpdate) -> None:
    """Show a line of text for each state, in front ends without widgets."""
    if not update.is_final:
        output.replace_text("\n".join([status_line(update), *notes]), update.record)
