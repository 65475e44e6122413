"""Shows what Jupyter's server found when it saved this notebook, above the next cell's output."""

from __future__ import annotations

from typing import Any

from ..core.printing import print_text
from ..notebook_files.key_notice import read_notice

__all__ = ["stop_watching", "watch_for_notices"]

_EVENT = "pre_run_cell"


def watch_for_notices(shell: Any) -> None:
    """Print a notice, if there is one, when a cell is run."""
    stop_watching(shell)
    shell.events.register(_EVENT, _show)


def stop_watching(shell: Any) -> None:
    """Print no notices any more."""
    if _show in shell.events.callbacks[_EVENT]:
        shell.events.unregister(_EVENT, _show)


def _show(_: object = None) -> None:
    for line in read_notice():
        print_text(f"liangxin_nb: {line}")  # the user must know it before the file is published
