"""What all magics share: the current session, waiting, and one-line interrupts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython import get_ipython

from ...errors import one_line

if TYPE_CHECKING:
    from ...session import BaseSession
    from ...session.job import Job

__all__ = ["current_session", "short_interrupts", "should_wait", "wait_for"]


def current_session() -> BaseSession:
    """Return the default session; the engine is imported here, on first use."""
    from ...session.default import get_session
    from ..widgets import register_formatters

    if (shell := get_ipython()) is not None:
        register_formatters(shell)
    return get_session()


@contextmanager
def short_interrupts() -> Iterator[None]:
    """Let an interrupted cell show one line; `LiangxinError` shows one line by itself."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        if not hasattr(stopped, "_render_traceback_"):  # a wait has its own line
            one_line(stopped, "Interrupted. %liangxin tasks lists what was sent by then.")
        raise


def should_wait(option: bool | None) -> bool:
    """Return whether a cell blocks: its option, else the setting, else only in headless runs."""
    from ..widgets import is_interactive

    wait = current_session().settings.wait if option is None else option
    return not is_interactive() if wait is None else wait


def wait_for(jobs: Sequence[Job]) -> None:
    """Wait for every job; an interrupt ends the wait, not the jobs."""
    from ...session.job import wait_for_all  # not needed to load the extension

    wait_for_all(jobs)
