"""A kernel's look into the mailbox: one question for all its records, only while there are any."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from .hint_store import Hint, HintStore

__all__ = ["HintWatcher"]

_INTERVAL_S = 0.25  # seconds between two looks


class HintWatcher:
    """Tells the waiting jobs of a session what the mailbox holds; lives on the private loop."""

    def __init__(self, store: HintStore) -> None:
        self._store = store
        self._queues: dict[str, asyncio.Queue[str]] = {}
        self._last_read: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def subscribe(self, ticket: str) -> Iterator[asyncio.Queue[str]]:
        """The task ids that callers name for a job record, those that came earlier first."""
        news: asyncio.Queue[str] = asyncio.Queue()
        self._queues[ticket], self._last_read[ticket] = news, 0
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._poll_store())
        try:
            yield news
        finally:
            del self._queues[ticket], self._last_read[ticket]

    async def _poll_store(self) -> None:
        while self._queues:
            asked = dict(self._queues)
            try:
                after = min(self._last_read.values())
                hints = await asyncio.to_thread(self._store.hints, after)
            except sqlite3.Error:
                hints = []  # a locked or removed mailbox: polling goes on without it
            for hint in hints:
                self._tell(hint)
            for ticket, news in asked.items() if hints else ():
                if self._queues.get(ticket) is news:
                    self._last_read[ticket] = max(self._last_read[ticket], hints[-1].number)
            await asyncio.sleep(_INTERVAL_S)

    def _tell(self, hint: Hint) -> None:
        if hint.number > self._last_read.get(hint.job_id, hint.number):
            self._queues[hint.job_id].put_nowait(hint.task_id)
