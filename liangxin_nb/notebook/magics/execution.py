"""What the magics share: the current session, and the one translation of errors for cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.core.error import UsageError

from ...errors import LiangxinError

if TYPE_CHECKING:
    from ...session import Session
    from ...session.job import Job

__all__ = ["as_usage_error", "current_session", "wait_for"]


def current_session() -> Session:
    """The session that cells use; the engine is loaded here, at its first use."""
    from ...session.default import get_session
    from ..widgets import register_formatters

    if (shell := get_ipython()) is not None:
        register_formatters(shell)
    return get_session()


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Lets a failure fail the cell in one readable line; the whole story is in `__cause__`."""
    try:
        yield
    except LiangxinError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        raise UsageError("Interrupted. What was sent by then: %liangxin tasks.") from None


def wait_for(jobs: Sequence[Job]) -> None:
    """Waits for every job; an interrupt ends the waiting, not the jobs."""
    from ...session.job import interrupt_message

    try:
        for job in jobs:
            job.wait()
    except KeyboardInterrupt:
        raise UsageError(interrupt_message(jobs)) from None
