"""An interrupted wait in a notebook: grey text instead of an error, until the work has ended."""

from __future__ import annotations

from typing import Any

from IPython import get_ipython
from markupsafe import Markup

from ...engine.background_loop import INTERRUPT_LISTENERS, WhenEnded
from ...notebook_files.healing import INTERRUPT_NOTICE
from .frontend import frontend
from .output import OutputHandle

__all__ = ["listen_to_interrupts"]

_FRONTENDS = ("live", "voila", "plain")  # those of users who can interrupt


def listen_to_interrupts() -> None:
    """Show interrupts of waits as notices; may be called again."""
    if _show_notice not in INTERRUPT_LISTENERS:
        INTERRUPT_LISTENERS.append(_show_notice)


def _show_notice(stopped: BaseException, line: str, when_ended: WhenEnded) -> None:
    """Show the line, and remove it when nothing is left to wait for."""
    shell: Any = get_ipython()
    # A cancelled await may be a time limit of the user's own code.
    if not isinstance(stopped, KeyboardInterrupt) or frontend() not in _FRONTENDS or shell is None:
        return
    html = Markup('<div class="lx-interrupted" style="opacity:.7">{}</div>').format(line)
    notice = OutputHandle()
    notice.show_bundle({"text/plain": line, "text/html": str(html)}, {"liangxin": INTERRUPT_NOTICE})
    _fail_quietly(shell, stopped)
    when_ended(lambda: notice.replace({"text/plain": "", "text/html": ""}))


def _fail_quietly(shell: Any, stopped: BaseException) -> None:
    """Let the cell fail, so that the cells after it do not run, without an error in its output."""
    before = shell.custom_exceptions, shell.CustomTB

    def show_nothing(_: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> None:
        shell.custom_exceptions, shell.CustomTB = before
        if error is not stopped:  # that one was caught by the code of the cell
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    shell.set_custom_exc((type(stopped),), show_nothing)
