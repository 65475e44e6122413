"""The screen parts, and the one function that puts a job on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any

from ...batches import Batch
from ...core.job_record import JobUpdate
from ...errors import InvalidRequestError, LiangxinError
from ...session import Session
from ...session.default import get_session
from ...session.job import Job
from .batch_display import display_batch
from .output import Slot, frontend, opened, shows_widgets
from .refresher import TICKER
from .terminal import Line
from .theme import look

__all__ = ["frontend", "panel", "show", "shows_widgets", "teach", "watched"]


def show(job: Job, session: Session, *, notes: Sequence[str] = (), brief: bool = False) -> None:
    """Shows a job below the running cell: live where somebody looks, else as one line of text.

    When the job ends, the cell's output becomes the durable picture, or the reason in words
    (without the words when `brief`, for a cell that raises them itself).
    """
    if frontend() in ("terminal", "script"):
        _show_line(job, session, notes, brief=brief, waited=brief)
        return
    if job.note:
        print(job.note)  # noqa: T201 the picture below does not say that it was kept already
    slot = Slot(job.record)
    settle = partial(_settle, slot, brief)
    # Whatever hinders the widgets here, the work goes on, and lines of text can tell of it.
    if shows_widgets():
        with suppress(Exception):
            _show_live(job, session, slot, notes, settle)
            return
    slot.show("\n".join([_line(job.status), *notes]))
    if watched():
        job.watch(partial(_tell, slot, notes))
    job.watch(settle)


def panel() -> None:
    """Opens the composer below the running cell: a form for each model, its code, and cards.

    It lives as long as its kernel; the line below it says so, also in a notebook reopened later.
    Raises `InvalidRequestError` where nobody looks.
    """
    if not shows_widgets():
        raise InvalidRequestError(
            "The panel needs a notebook in a browser; nothing was shown.",
            next_step="In scripts, generate(...) asks for a picture.",
        )
    from .composer import Composer
    from .gallery import listen

    composer = Composer(get_session)
    listen(composer)  # a gallery hands its pictures on to it
    opened(composer.box, "liangxin_nb panel", "%liangxin panel")


def watched() -> bool:
    """Whether somebody looks at this process who sees what changes after a cell has ended."""
    return frontend() in ("live", "voila", "plain")


def teach(shell: Any) -> None:
    """Lets a job that is a cell's last expression show itself: a card, or the end of waiting."""
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type(Job, _display)
    formatter.for_type(Batch, display_batch)


def _display(job: Job) -> None:
    if frontend() in ("terminal", "script"):
        _show_line(job, get_session(), brief=False, waited=True)
    else:
        show(job, get_session())
    if not watched():
        # The shown line says how it ended; a formatter cannot fail the cell.
        with suppress(LiangxinError):
            job.wait()


def _show_live(
    job: Job,
    session: Session,
    slot: Slot,
    notes: Sequence[str],
    settle: Callable[[JobUpdate], None],
) -> None:
    from .card_factory import card_of  # ipywidgets is loaded only where cards are shown

    card, followed = card_of(job, session, notes=notes, settle=settle)
    slot.show(_line(job.status), card.box.model_id)
    followed(job)


def _show_line(
    job: Job, session: Session, notes: Sequence[str] = (), *, brief: bool, waited: bool
) -> None:
    line = Line(job.status, waited=waited)
    for note in filter(None, (job.note, *notes)):
        print(note)  # noqa: T201 there is nothing else to show it on
    job.watch(line.told)
    if not brief:
        job.watch(_say_reason)
    TICKER.add(line, session.loop)


def _say_reason(status: JobUpdate) -> None:
    if status.is_final and status.error is not None:
        print(status.error)  # noqa: T201 there is nothing else to show it on


def _tell(slot: Slot, notes: Sequence[str], status: JobUpdate) -> None:
    """A line of text for each state, where no card can be."""
    if not status.is_final or status.phase == "left":
        slot.replace({"text/plain": "\n".join([_line(status), *notes])}, status.record)


def _settle(slot: Slot, brief: bool, status: JobUpdate) -> None:
    """The durable output of a job that has ended; until then, and when left, the card stays."""
    if status.is_final and status.phase != "left":
        slot.replace(_durable(status, brief), status.record)
    else:
        slot.accepted(status.record)


def _durable(status: JobUpdate, brief: bool) -> dict[str, str]:
    if status.result is not None:
        return dict(status.result._repr_mimebundle_())
    seen = look(status.phase)
    model = status.record.request.model
    head = f"{seen.sign} {seen.word} · {model}"
    if brief:
        return {"text/plain": head}
    reason = str(status.error)
    html = f"<div><b>{escape(head)}</b><br>{escape(reason)}</div>"
    return {"text/plain": f"{head}\n{reason}", "text/html": html}


def _line(status: JobUpdate) -> str:
    seen = look(status.phase)
    return f"<Job {status.record.request.model} {seen.word.lower()} · {status.record.id}>"
