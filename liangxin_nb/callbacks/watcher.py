"""A kernel's look into the mailbox: one question for all its tickets, only while there are any."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from .hint_store import Hint, Mailbox

__all__ = ["Watch"]

_PAUSE = 0.25  # seconds between two looks


class Watch:
    """Tells the waiting jobs of a session what the mailbox holds; lives on the private loop."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._waiting: dict[str, asyncio.Queue[str]] = {}
        self._read: dict[str, int] = {}
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def over(self, ticket: str) -> Iterator[asyncio.Queue[str]]:
        """The task ids that callers name for a ticket, those that came earlier first."""
        news: asyncio.Queue[str] = asyncio.Queue()
        self._waiting[ticket], self._read[ticket] = news, 0
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        try:
            yield news
        finally:
            del self._waiting[ticket], self._read[ticket]

    async def _look(self) -> None:
        while self._waiting:
            asked = dict(self._waiting)
            try:
                after = min(self._read.values())
                hints = await asyncio.to_thread(self._mailbox.hints, after)
            except sqlite3.Error:
                hints = []  # a locked or removed mailbox: polling goes on without it
            for hint in hints:
                self._tell(hint)
            for ticket, news in asked.items() if hints else ():
                if self._waiting.get(ticket) is news:
                    self._read[ticket] = max(self._read[ticket], hints[-1].n)
            await asyncio.sleep(_PAUSE)

    def _tell(self, hint: Hint) -> None:
        if hint.n > self._read.get(hint.ticket, hint.n):
            self._waiting[hint.ticket].put_nowait(hint.task_id)
