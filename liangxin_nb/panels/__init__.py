"""The screen parts, and the one function that puts a job on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any

from ..current import current
from ..errors import InvalidRequest, LiangxinError
from ..job import Job
from ..session import Session
from ..ticket import Status
from ._base import look
from .slot import Slot, frontend, opened

__all__ = ["frontend", "panel", "show", "teach", "watched"]


def show(job: Job, session: Session, *, notes: Sequence[str] = (), brief: bool = False) -> None:
    """Shows a job below the running cell: live where somebody looks, else as one line of text.

    When the job ends, the cell's output becomes the durable picture, or the reason in words
    (without the words when `brief`, for a cell that raises them itself).
    """
    slot = Slot(job.ticket)
    settle = partial(_settle, slot, brief)
    if watched():
        _show_live(job, session, slot, notes, settle)
    else:
        slot.show("\n".join([_line(job.status), *notes]))
        job.watch(settle)


def panel() -> None:
    """Opens the composer below the running cell: a form for each model, its code, and cards.

    It lives as long as its kernel; the line below it says so, also in a notebook reopened later.
    Raises `InvalidRequest` where nobody looks.
    """
    if not watched():
        raise InvalidRequest(
            "The panel needs a notebook in a browser; nothing was shown.",
            next_step="In scripts, generate(...) asks for a picture.",
        )
    from .composer import Composer

    opened(Composer(current).box, "liangxin_nb panel", "%liangxin panel")


def watched() -> bool:
    """Whether somebody looks at this process who can see a card live."""
    return frontend() in ("live", "voila")


def teach(shell: Any) -> None:
    """Lets a job that is a cell's last expression show itself: a card, or the end of waiting."""
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type(Job, _display)


def _display(job: Job) -> None:
    show(job, current())
    if not watched():
        # The shown line says how it ended; a formatter cannot fail the cell.
        with suppress(LiangxinError):
            job.wait()


def _show_live(
    job: Job,
    session: Session,
    slot: Slot,
    notes: Sequence[str],
    settle: Callable[[Status], None],
) -> None:
    from .live import card_of  # ipywidgets is loaded only where cards are shown

    card, followed = card_of(job, session, notes=notes, settle=settle)
    slot.show(_line(job.status), card.box.model_id)
    followed(job)


def _settle(slot: Slot, brief: bool, status: Status) -> None:
    """The durable output of a job that has ended; until then, and when left, the card stays."""
    if status.over and status.phase != "left":
        slot.replace(_durable(status, brief), status.ticket)
    else:
        slot.accepted(status.ticket)


def _durable(status: Status, brief: bool) -> dict[str, str]:
    if status.result is not None:
        return dict(status.result._repr_mimebundle_())
    seen = look(status.phase)
    model = status.ticket.request.model
    head = f"{seen.sign} {seen.word} · {model}"
    if brief:
        return {"text/plain": head}
    reason = str(status.error)
    html = f"<div><b>{escape(head)}</b><br>{escape(reason)}</div>"
    return {"text/plain": f"{head}\n{reason}", "text/html": html}


def _line(status: Status) -> str:
    seen = look(status.phase)
    return f"<Job {status.ticket.request.model} {seen.word.lower()} · {status.ticket.id}>"
