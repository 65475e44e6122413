"""`%liangxin again`, `vary` and `edit`: what can be done with the request of an earlier job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython import get_ipython

from ...core.next_step import warn_before_resubmit
from ...core.printing import print_text
from ...core.request import Request
from ...errors import InvalidRequestError
from .execution import current_session
from .job_commands import required_id, show_jobs

__all__ = ["again_command", "edit_command", "vary_command"]

_NEW = "--new"


def again_command(text: str) -> None:
    """Send the request of a job again."""
    from ...session.request_builder import repeat  # not needed to load the extension

    _repeat(text, "again", repeat)


def vary_command(text: str) -> None:
    """Send the request of a job with a new seed."""
    from ...session.request_builder import with_new_seed

    _repeat(text, "vary", with_new_seed)


def _repeat(text: str, command: str, change: Callable[[str, Request], Request]) -> None:
    from ...session.references import resubmit

    session, words = current_session(), text.split()
    task = required_id(" ".join(word for word in words if word != _NEW), command)
    record = session.get_record(task)
    warning = warn_before_resubmit(record)
    if warning and _NEW not in words:
        raise InvalidRequestError(
            f"{warning} Nothing was sent.",
            next_step=f"%liangxin {command} {task} {_NEW} sends it.",
        )
    show_jobs(session, [resubmit(session, record, change)])


def edit_command(task: str) -> None:
    """Put the cell of a job below the running one, to be changed and run."""
    from ...library import Library

    session = current_session()
    source = Library(session).to_cell(session.get_record(required_id(task, "edit")))
    shell: Any = get_ipython()
    if hasattr(shell, "kernel"):
        shell.set_next_input(source)
    else:  # a terminal has no cells
        print_text(source)  # it was asked for
