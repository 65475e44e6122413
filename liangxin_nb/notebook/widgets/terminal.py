"""Progress of a task in a terminal: one line, rewritten in place where possible, then the path."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from ..._forks import ForkSafeLock
from ...core.formatting import printable
from ...core.job_record import JobUpdate
from ...core.printing import print_text, write_text
from ...core.state_style import state_style
from .theme import format_job_time

__all__ = ["TerminalProgress"]


class TerminalProgress:
    """The line of one task on standard output.

    Without a user who waits, without a terminal, or with several tasks at once, each state is
    printed on its own line.

    Attributes:
        latest: The latest update of the job.
    """

    latest: JobUpdate
    _active: ClassVar[set[TerminalProgress]] = set()
    _lock: ClassVar[ForkSafeLock] = ForkSafeLock()
    #: Whether the last line that was written has no line break yet.
    _line_is_open: ClassVar[bool] = False

    def __init__(self, update: JobUpdate, *, is_waited_for: bool) -> None:
        """Start with an update.

        Args:
            update: The present state of the job.
            is_waited_for: Whether the user waits for the task.
        """
        self.latest = update
        self._printed: tuple[str, str] = ("", "")
        self._is_waited_for = is_waited_for
        with self._lock:
            self._active.add(self)

    def update(self, update: JobUpdate) -> None:
        """Print the new state; at the end also the paths of the result."""
        with self._lock:
            self.latest = update
            self._print(end="\n" if update.is_final else "")
            if update.is_final:
                self._active.discard(self)
                self._print_paths()

    def draw(self) -> None:
        """Do nothing: each state is printed by `update`."""

    def tick(self) -> None:
        """Print the time that has passed, where the line can be rewritten."""
        with self._lock:
            if self._rewrites_line and not self.latest.is_final:
                self._print(end="")

    @property
    def _rewrites_line(self) -> bool:
        return self._is_waited_for and len(self._active) == 1 and _is_terminal(sys.stdout)

    def _print(self, end: str) -> None:
        if self._rewrites_line:
            write_text(f"\r\x1b[2K{self._text()}{end}")
            TerminalProgress._line_is_open = not end
        elif self._summary != self._printed:
            write_text(f"{chr(10) * TerminalProgress._line_is_open}{self._text()}\n")
            TerminalProgress._line_is_open = False
        self._printed = self._summary

    @property
    def _summary(self) -> tuple[str, str]:
        """What is printed once: the state, and the note without its details, which change."""
        return self.latest.display_state, self.latest.note.partition(";")[0]

    def _text(self) -> str:
        update, style = self.latest, state_style(self.latest.display_state)
        name = update.record.task_id or update.record.id
        parts = (style.word, update.record.request.model, name, format_job_time(update))
        note = f" · {update.note}" if update.note else ""
        return printable(f"{style.sign} {' · '.join(parts)}{note}")

    def _print_paths(self) -> None:
        result = self.latest.result
        for path in result.paths if result is not None else ():
            print_text(_relative_path(path))


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # no stream, one without this method, or a closed one
        return False


def _relative_path(path: Path) -> str:
    """Return the path relative to the working directory if it is inside, else unchanged."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the working directory is gone, or on another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative
