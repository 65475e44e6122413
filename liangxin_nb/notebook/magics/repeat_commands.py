"""`%liangxin again`, `vary` and `edit`: what can be done with the request of an earlier job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython import get_ipython

from ...core.job_record import JobRecord
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

    _repeat(text, "again", lambda record: repeat(record.profile, record.request))


def vary_command(text: str) -> None:
    """Send the request of a job with a new seed."""
    from ...session.request_builder import with_new_seed

    _repeat(text, "vary", lambda record: with_new_seed(record.profile, record.request))


def _repeat(text: str, command: str, change: Callable[[JobRecord], Request]) -> None:
    from ...session.parents import derive

    session, words = current_session(), text.split()
    task = required_id(" ".join(word for word in words if word != _NEW), command)
    record = session.get_record(task)
    warning = warn_before_resubmit(record)
    if warning and _NEW not in words:
        raise InvalidRequestError(
            f"{warning} Nothing was sent.",
            next_step=f"%liangxin {command} {task} {_NEW} sends it.",
        )
    request = change(record)
    derivation = derive(session.ledger, record.id, record.request, request)
    show_jobs(session, [session.submit(request, derivation=derivation)])


def edit_command(task: str) -> None:
    """Put the cell of a job below the running one, to be changed and run."""
    from ...catalog import find_model
    from ...catalog.codegen import to_source

    record = current_session().get_record(required_id(task, "edit"))
    source = to_source(find_model(record.profile, record.request.model), record.request)
    shell: Any = get_ipython()
    if hasattr(shell, "kernel"):
        shell.set_next_input(source)
    else:  # a terminal has no cells
        print_text(source)  # it was asked for
