"""What all steps of a job record's way share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ..api import Client
from ..core.job_record import JobRecord, JobUpdate
from ..ledger import Ledger

__all__ = ["Connect", "Tell", "write_update"]

Tell = Callable[[JobUpdate], None]
Connect = Callable[[], Awaitable[Client]]


async def write_update(
    ledger: Ledger, record: JobRecord, event: str, detail: str = "", **values: Any
) -> JobRecord:
    """A change in the ledger, from a thread: the disk may be slow, and the loop must not wait."""
    return await asyncio.to_thread(lambda: ledger.update(record, event, detail, **values))
