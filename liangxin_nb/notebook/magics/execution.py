"""What all magics share: the current session, waiting, and one-line errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.core.error import UsageError

from ...errors import LiangxinError

if TYPE_CHECKING:
    from ...session import BaseSession
    from ...session.job import Job

__all__ = ["as_usage_error", "current_session", "should_wait", "wait_for"]


def current_session() -> BaseSession:
    """Return the default session; the engine is imported here, on first use."""
    from ...session.default import get_session
    from ..widgets import register_formatters

    if (shell := get_ipython()) is not None:
        register_formatters(shell)
    return get_session()


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Fail the cell with one readable line; the original error is the `__cause__`."""
    try:
        yield
    except LiangxinError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        raise UsageError("Interrupted. %liangxin tasks lists what was sent by then.") from None


def should_wait(option: bool | None) -> bool:
    """Return whether a cell blocks: its option, else the setting, else only in headless runs."""
    from ..widgets import is_interactive

    wait = current_session().settings.wait if option is None else option
    return not is_interactive() if wait is None else wait


def wait_for(jobs: Sequence[Job]) -> None:
    """Wait for every job; an interrupt ends the wait, not the jobs."""
    from ...session.job import interrupt_message

    try:
        for job in jobs:
            job.wait()
    except KeyboardInterrupt:
        raise UsageError(interrupt_message(jobs)) from None
