"""A task in a terminal: one line, rewritten in place where that can be, and then the path."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

from ...core.job_record import JobUpdate
from .theme import format_duration, format_elapsed, state_style

__all__ = ["TerminalProgress"]


class TerminalProgress:
    """One task's line on standard output; it is told, and it ticks.

    `is_waited_for`: whether the person waits for it. Where no one does, where output is no
    terminal, or where several tasks share it, each state is a line of its own.
    """

    _alive: ClassVar[set[TerminalProgress]] = set()
    _lock: ClassVar[threading.Lock] = threading.Lock()
    #: Whether a line stands there that has not ended.
    _open: ClassVar[bool] = False

    def __init__(self, update: JobUpdate, *, is_waited_for: bool) -> None:
        self.latest = update
        self._phase = ""
        self._is_waited_for = is_waited_for
        with self._lock:
            self._alive.add(self)

    def update(self, update: JobUpdate) -> None:
        """Says the new state; at the end the path, or the reason."""
        with self._lock:
            self.latest = update
            self._print(ends="\n" if update.is_final else "")
            if update.is_final:
                self._alive.discard(self)
                self._end()

    def draw(self) -> None:
        """Nothing: each state is said when it is told."""

    def tick(self) -> None:
        """Says the time that has passed now, where the line can be rewritten."""
        with self._lock:
            if self._rewrites and not self.latest.is_final:
                self._print(ends="")

    @property
    def _rewrites(self) -> bool:
        return self._is_waited_for and len(self._alive) == 1 and sys.stdout.isatty()

    def _print(self, ends: str) -> None:
        if self._rewrites:
            self._write(f"\r\x1b[2K{self._text()}{ends}")
            TerminalProgress._open = not ends
        elif self.latest.phase != self._phase:
            self._write(f"{chr(10) * TerminalProgress._open}{self._text()}\n")
            TerminalProgress._open = False
        self._phase = self.latest.phase

    def _text(self) -> str:
        update, seen = self.latest, state_style(self.latest.phase)
        passed = (update.ended_at or time.time()) - update.record.created_at
        seconds = (
            format_duration(update.record.duration_s or passed)
            if update.is_final
            else format_elapsed(passed)
        )
        name = update.record.task_id or update.record.id
        return f"{seen.sign} {seen.word} · {update.record.request.model} · {name} · {seconds}"

    def _end(self) -> None:
        result = self.latest.result
        for path in result.paths if result is not None else ():
            self._write(f"{_relative_path(path)}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _relative_path(path: Path) -> str:
    """The path from where the person is, where it lies below."""
    near = os.path.relpath(path)
    return str(path) if near.startswith("..") else near
