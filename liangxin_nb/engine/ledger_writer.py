"""Changes of job records: in order, in threads, and again and again while the ledger is busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from ..core.job_record import JobRecord
from ..errors import LedgerError
from ..ledger import Ledger

__all__ = ["BUSY", "LedgerWriter", "OnBusy", "retry_write"]

T = TypeVar("T")
#: Receives a remark for the card before each further attempt.
OnBusy = Callable[[str], None]
BUSY = "The ledger is busy"
_ATTEMPT_S = 1.0  # of one attempt; a longer one would keep a thread from other work
_SOON_S = 3.0  # a write that takes longer continues in the background
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 15.0
_MAX_RETRY_S = 120.0


def _ignore(_note: str) -> None:
    pass


class LedgerWriter:
    """Writes to the ledger for the jobs of a session; for the background loop only.

    A change that has begun is made even if its caller is cancelled meanwhile; a later change of
    the same job waits for it.

    Attributes:
        ledger: The ledger, for attempts that do not wait long for its lock.
    """

    def __init__(self, ledger: Ledger, patience: float = 0.0) -> None:
        """Create a writer.

        Args:
            ledger: The ledger.
            patience: Seconds for which a change is tried, at least two minutes.
        """
        self.ledger: Ledger = ledger.with_busy_timeout(_ATTEMPT_S)
        self._max_s = max(_MAX_RETRY_S, patience)
        self._last: dict[str, asyncio.Task[Any]] = {}

    def schedule(
        self, job_id: str, write: Callable[[], T], on_busy: OnBusy = _ignore
    ) -> asyncio.Task[T]:
        """Begin a change, after the last one of the same job."""
        task = asyncio.create_task(self._write(self._last.get(job_id), write, on_busy))
        self._last[job_id] = task
        task.add_done_callback(partial(self._forget, job_id))
        return task

    async def write(self, job_id: str, write: Callable[[], T], on_busy: OnBusy = _ignore) -> T:
        """Change a job, and wait until that is done.

        Args:
            job_id: The id of the job's record.
            write: The change.
            on_busy: Receives a remark for the card before each further attempt.

        Returns:
            What `write` returns.

        Raises:
            LedgerError: If the ledger is damaged, or could not be written for a long time.
        """
        return await asyncio.shield(self.schedule(job_id, write, on_busy))

    async def update(
        self,
        record: JobRecord,
        event: str,
        detail: str = "",
        *,
        on_busy: OnBusy = _ignore,
        **values: Any,
    ) -> JobRecord:
        """Change columns as `Ledger.update` does, and wait until that is done."""
        change = partial(self.ledger.update, record, event, detail, **values)
        return await self.write(record.id, change, on_busy)

    async def update_soon(
        self, record: JobRecord, event: str, detail: str = "", **values: Any
    ) -> None:
        """Change columns; do not wait for a ledger that is busy."""
        change = partial(self.ledger.update, record, event, detail, **values)
        busy = asyncio.Event()
        write = self.schedule(record.id, change, lambda _note: busy.set())
        is_busy = asyncio.create_task(busy.wait())
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait({write, is_busy}, timeout=_SOON_S, return_when=first)
        is_busy.cancel()

    async def _write(
        self, previous: asyncio.Task[Any] | None, write: Callable[[], T], on_busy: OnBusy
    ) -> T:
        if previous is not None:
            await asyncio.wait({previous})
        return await retry_write(write, on_busy, self._max_s)

    def _forget(self, job_id: str, task: asyncio.Task[Any]) -> None:
        if self._last.get(job_id) is task:
            del self._last[job_id]
        with suppress(asyncio.CancelledError):
            task.exception()  # asyncio reports an exception that is never read


async def retry_write(write: Callable[[], T], on_busy: OnBusy, max_s: float = _MAX_RETRY_S) -> T:
    """Write to the ledger from a thread, again and again while it is busy.

    Args:
        write: The change.
        on_busy: Receives a remark for the card before each further attempt.
        max_s: Seconds after which the next error is raised.

    Returns:
        What `write` returns.

    Raises:
        LedgerError: If the ledger is damaged, or could not be written in time.
    """
    end, pause = time.monotonic() + max_s, _FIRST_PAUSE_S
    while True:
        try:
            return await asyncio.to_thread(write)
        except LedgerError as error:
            if error.is_damaged or time.monotonic() >= end:
                raise
            on_busy(f"{BUSY}; trying again. {error.message}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_S)
