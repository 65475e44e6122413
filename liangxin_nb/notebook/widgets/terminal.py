"""A task in a terminal: one line, rewritten in place where that can be, and then the path."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

from ...core.job_record import JobUpdate
from .theme import clock, look, span

__all__ = ["Line"]


class Line:
    """One task's line on standard output; it is told, and it ticks.

    `waited`: whether the person waits for it. Where nobody does, where output is no terminal, or
    where several tasks share it, each state is a line of its own.
    """

    _alive: ClassVar[set[Line]] = set()
    _lock: ClassVar[threading.Lock] = threading.Lock()
    #: Whether a line stands there that has not ended.
    _open: ClassVar[bool] = False

    def __init__(self, status: JobUpdate, *, waited: bool) -> None:
        self.status = status
        self._phase = ""
        self._waited = waited
        with self._lock:
            self._alive.add(self)

    def told(self, status: JobUpdate) -> None:
        """Says the new state; at the end the path, or the reason."""
        with self._lock:
            self.status = status
            self._say(ends="\n" if status.is_final else "")
            if status.is_final:
                self._alive.discard(self)
                self._end()

    def draw(self) -> None:
        """Nothing: each state is said when it is told."""

    def tick(self) -> None:
        """Says the time that has passed now, where the line can be rewritten."""
        with self._lock:
            if self._rewrites and not self.status.is_final:
                self._say(ends="")

    @property
    def _rewrites(self) -> bool:
        return self._waited and len(self._alive) == 1 and sys.stdout.isatty()

    def _say(self, ends: str) -> None:
        if self._rewrites:
            self._write(f"\r\x1b[2K{self._text()}{ends}")
            Line._open = not ends
        elif self.status.phase != self._phase:
            self._write(f"{chr(10) * Line._open}{self._text()}\n")
            Line._open = False
        self._phase = self.status.phase

    def _text(self) -> str:
        status, seen = self.status, look(self.status.phase)
        passed = (status.ended_at or time.time()) - status.record.at
        seconds = span(status.record.seconds or passed) if status.is_final else clock(passed)
        name = status.record.task_id or status.record.id
        return f"{seen.sign} {seen.word} · {status.record.request.model} · {name} · {seconds}"

    def _end(self) -> None:
        result = self.status.result
        for path in result.paths if result is not None else ():
            self._write(f"{_near(path)}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _near(path: Path) -> str:
    """The path from where the person is, where it lies below."""
    near = os.path.relpath(path)
    return str(path) if near.startswith("..") else near
