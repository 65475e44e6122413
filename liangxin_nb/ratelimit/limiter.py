"""The budget as the private loop sees it: a turn is waited for, and nothing else waits with it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..errors import InvalidRequestError, LiangxinError
from ..polling import PollSchedule
from .file_store import FileSlotStore, MemorySlotStore, default_folder
from .slots import RateLimit, SlotStore

__all__ = ["SharedRateLimiter", "sharing_error"]

_T = TypeVar("_T")
POLL, CREATE = "recordInfo", "createTask"
_TOLERANCE_S = 0.001  # seconds: an appointment as near as that is kept
_MIN_REPORTED_WAIT_S = 1.0  # seconds of waiting below which no one is told
_LOCAL_FALLBACK_S = 30.0  # seconds until a shared place that failed is tried again


class SharedRateLimiter:
    """The query and create budgets of one key, shared by all that use it; for the private loop.

    `schedule` gives the rates. `location`: a folder or a `redis://` address, default the user's
    runtime folder. Where the place cannot be used, this process keeps the rates by itself. `clock`:
    seconds that only go up, the same for all processes of this machine.
    """

    def __init__(
        self,
        schedule: PollSchedule,
        location: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._location = location
        self._clock = clock
        self.limits = {
            POLL: RateLimit(1, schedule.poll_interval_s),
            CREATE: RateLimit(20, schedule.create_period_s),
        }
        self._default_block_s, self._max_block_s = (
            10 * schedule.poll_interval_s,
            schedule.max_block_s,
        )
        self._local_store = MemorySlotStore(clock)
        self._store: SlotStore = self._local_store
        # A thread of its own: a turn must not wait behind downloads and the ledger's writes.
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._free_at, self._local_until = 0.0, 0.0
        self._numbers, self._id = itertools.count(), uuid.uuid4().hex[:12]

    @property
    def create_rate(self) -> str:
        """The create rate in words, such as `20 per 10 s`."""
        limit = self.limits[CREATE]
        return f"{limit.max_calls} per {limit.period_s:.2g} s"

    def bind(self, service: str, key: str) -> None:
        """Shares the turns of this service's address and key; the key itself is not kept."""
        name = hashlib.sha256(f"{service}\n{key}".encode()).hexdigest()[:24]
        try:
            self._store = _open_store(self._location, name, self._clock)
        except (OSError, ValueError):
            self._store = self._local_store

    async def acquire_poll(self) -> None:
        """Returns when one question may be asked."""
        await self._wait_for_slot(POLL, self._next_slot_id())

    async def acquire_create(self, on_wait: Callable[[float], None] | None = None) -> str:
        """Returns when one task may be created, in the order of asking; the turn's name.

        `on_wait` is told the seconds that are likely left, again and again. May be cancelled.
        """
        name = self._next_slot_id()
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        if len(self._waiting) == 1:
            place.set_result(None)
        try:
            await self._wait_in_queue(place, on_wait or _ignore_wait)
            await self._wait_for_slot(CREATE, name, on_wait or _ignore_wait)
        finally:
            first = self._waiting[0] is place
            self._waiting.remove(place)
            if first and self._waiting:
                self._waiting[0].set_result(None)
        return name

    async def confirm_create(self, slot_id: str) -> None:
        """The request of that turn was answered: it may have been long on its way."""
        await self._in_store(lambda store: store.confirm(CREATE, slot_id))

    async def back_off(self, call: str, seconds: float | None) -> None:
        """The service said 429: everybody on this key pauses that call for as long as it asked."""
        pause = min(self._default_block_s if seconds is None else seconds, self._max_block_s)
        await self._in_store(lambda store: store.block(call, pause))

    def _next_slot_id(self) -> str:
        return f"{self._id}-{next(self._numbers)}"

    async def _wait_in_queue(
        self, place: asyncio.Future[None], on_wait: Callable[[float], None]
    ) -> None:
        limit = self.limits[CREATE]
        while not place.done():
            ahead = self._waiting.index(place)
            left = (
                max(0.0, self._free_at - self._clock()) + ahead * limit.period_s / limit.max_calls
            )
            if left >= _MIN_REPORTED_WAIT_S:
                on_wait(left)
            await asyncio.wait([place], timeout=max(2.0, left / 5))

    async def _wait_for_slot(
        self, call: str, caller: str, on_wait: Callable[[float], None] | None = None
    ) -> None:
        """An appointment, kept: whoever comes back late does not crowd those after it."""
        limit = self.limits[call]
        while (
            pause := await self._in_store(lambda store: store.reserve(call, limit, caller))
        ) > _TOLERANCE_S:
            if on_wait is not None:
                self._free_at = self._clock() + pause
                if pause >= _MIN_REPORTED_WAIT_S:
                    on_wait(pause)
            await asyncio.sleep(pause)

    async def _in_store(self, step: Callable[[SlotStore], _T]) -> _T:
        """A step in the shared book; in one's own for a while after that could not be used."""
        loop, store = asyncio.get_running_loop(), self._store
        if store is self._local_store or self._clock() < self._local_until:
            return step(self._local_store)
        if self._thread is None or self._loop is not loop:  # after a fork the thread is gone
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="liangxin-budget")
            self._loop = loop
        try:
            return await loop.run_in_executor(self._thread, step, store)
        except OSError:
            self._local_until = self._clock() + _LOCAL_FALLBACK_S
            return step(self._local_store)


def sharing_error(location: str) -> str:
    """What keeps the rates from being shared at a place, in words; empty when they are."""
    try:
        _open_store(location, "tried", time.monotonic).block(POLL, 0.0)
    except (OSError, ValueError, LiangxinError) as error:
        return str(error) or type(error).__name__
    return ""


def _ignore_wait(_: float) -> None:
    """No one wants to know."""


def _open_store(location: str, name: str, clock: Callable[[], float]) -> SlotStore:
    if "://" not in location:
        return FileSlotStore(
            Path(location or default_folder()).expanduser() / f"{name}.json", clock
        )
    try:
        from .redis_store import RedisSlotStore
    except ImportError:
        raise InvalidRequestError(
            "A budget in Redis needs the package redis.",
            next_step="pip install 'liangxin_nb[team]', or unset LIANGXIN_BUDGET.",
        ) from None
    return RedisSlotStore(location, name)
