"""The rate limiter of a session: waits for poll and create slots on the background loop."""

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

from ..config.private_files import default_folder
from ..errors import InvalidRequestError, LiangxinError
from ..polling import PollSchedule
from .file_store import FileSlotStore, MemorySlotStore
from .slots import RateLimit, SlotStore

__all__ = ["SharedRateLimiter", "sharing_error"]

_T = TypeVar("_T")
POLL, CREATE = "recordInfo", "createTask"
_TOLERANCE_S = 0.001  # a slot is used if it is at most this many seconds away
_MIN_REPORTED_WAIT_S = 1.0  # shorter waits are not reported
_LOCAL_FALLBACK_S = 30.0  # seconds until a shared store that failed is used again


class SharedRateLimiter:
    """The poll and create rates of one key, shared by all that use it; for the background loop.

    Attributes:
        limits: The rate limit of each kind of request.
    """

    def __init__(
        self,
        schedule: PollSchedule,
        location: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a limiter that shares nothing before `bind`.

        Args:
            schedule: The documented rates.
            location: A folder or a `redis://` address; default the user's runtime folder. If it
                cannot be used, this process limits only its own requests.
            clock: Returns monotonic seconds, the same for all processes of this machine.
        """
        self._location = location
        self._clock = clock
        self.limits: dict[str, RateLimit] = {
            POLL: RateLimit(1, schedule.poll_interval_s),
            CREATE: RateLimit(20, schedule.create_period_s),
        }
        self._default_block_s = 10 * schedule.poll_interval_s
        self._max_block_s = schedule.max_block_s
        self._local_store = MemorySlotStore(clock)
        self._store: SlotStore = self._local_store
        # Own thread: waiting for a slot must not depend on downloads and ledger writes.
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[asyncio.Future[None]] = deque()
        self._next_create_at, self._local_until = 0.0, 0.0
        self._numbers, self._id = itertools.count(), uuid.uuid4().hex[:12]

    @property
    def create_rate(self) -> str:
        """The create rate as text, such as `20 per 10 s`."""
        limit = self.limits[CREATE]
        return f"{limit.max_calls} per {limit.period_s:.2g} s"

    def bind(self, service: str, key: str) -> None:
        """Share the rates with everyone who uses the same service and key.

        Args:
            service: The service's address.
            key: The API key; only a digest of both is stored.
        """
        name = hashlib.sha256(f"{service}\n{key}".encode()).hexdigest()[:24]
        try:
            self._store = _open_store(self._location, name, self._clock)
        except (OSError, ValueError):
            self._store = self._local_store

    async def acquire_poll(self) -> None:
        """Wait until one poll request may be sent."""
        await self._wait_for_slot(POLL, self._next_slot_id())

    async def acquire_create(self, on_wait: Callable[[float], None] | None = None) -> str:
        """Wait until one task may be created, in the order of the calls; can be cancelled.

        Args:
            on_wait: Receives the estimated remaining seconds, repeatedly.

        Returns:
            The id of the slot, for `confirm_create`.
        """
        slot_id = self._next_slot_id()
        is_first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(is_first)
        if len(self._queue) == 1:
            is_first.set_result(None)
        try:
            await self._wait_in_queue(is_first, on_wait)
            await self._wait_for_slot(CREATE, slot_id, on_wait)
        finally:
            was_first = self._queue[0] is is_first
            self._queue.remove(is_first)
            if was_first and self._queue:
                self._queue[0].set_result(None)
        return slot_id

    async def confirm_create(self, slot_id: str) -> None:
        """Count a create from the arrival of its response, since it may have taken long."""
        await self._in_store(lambda store: store.confirm(CREATE, slot_id))

    async def back_off(self, call: str, seconds: float | None) -> None:
        """Pause a kind of request for everyone on this key, after a 429 response.

        Args:
            call: The kind of request.
            seconds: How long the service asked to wait; None if it did not say.
        """
        pause = min(self._default_block_s if seconds is None else seconds, self._max_block_s)
        await self._in_store(lambda store: store.block(call, pause))

    def _next_slot_id(self) -> str:
        return f"{self._id}-{next(self._numbers)}"

    async def _wait_in_queue(
        self, is_first: asyncio.Future[None], on_wait: Callable[[float], None] | None
    ) -> None:
        """Wait until this create is the first of the queue."""
        limit = self.limits[CREATE]
        while not is_first.done():
            delay = self._queue.index(is_first) * limit.period_s / limit.max_calls
            remaining = max(0.0, self._next_create_at - self._clock()) + delay
            if on_wait is not None and remaining >= _MIN_REPORTED_WAIT_S:
                on_wait(remaining)
            await asyncio.wait([is_first], timeout=max(2.0, remaining / 5))

    async def _wait_for_slot(
        self, call: str, slot_id: str, on_wait: Callable[[float], None] | None = None
    ) -> None:
        """Reserve a slot and sleep until it; reserve again, in case this or others were late."""
        limit = self.limits[call]
        while (
            pause := await self._in_store(lambda store: store.reserve(call, limit, slot_id))
        ) > _TOLERANCE_S:
            if call == CREATE:
                self._next_create_at = self._clock() + pause
            if on_wait is not None and pause >= _MIN_REPORTED_WAIT_S:
                on_wait(pause)
            await asyncio.sleep(pause)

    async def _in_store(self, step: Callable[[SlotStore], _T]) -> _T:
        """Run a step in the shared store; if it fails, use the local store for a while."""
        loop, store = asyncio.get_running_loop(), self._store
        if store is self._local_store or self._clock() < self._local_until:
            return step(self._local_store)
        if self._thread is None or self._loop is not loop:  # a forked child has no threads
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="liangxin-ratelimit")
            self._loop = loop
        try:
            return await loop.run_in_executor(self._thread, step, store)
        except OSError:
            self._local_until = self._clock() + _LOCAL_FALLBACK_S
            return step(self._local_store)


def sharing_error(location: str) -> str:
    """Check whether rates can be shared at a location.

    Args:
        location: A folder or a `redis://` address; empty for the default.

    Returns:
        The error as text; empty if there is none.
    """
    try:
        _open_store(location, "check", time.monotonic).block(POLL, 0.0)
    except (OSError, ValueError, LiangxinError) as error:
        return str(error) or type(error).__name__
    return ""


def _open_store(location: str, name: str, clock: Callable[[], float]) -> SlotStore:
    if "://" not in location:
        folder = Path(location or default_folder()).expanduser()
        return FileSlotStore(folder / f"{name}.json", clock)
    try:
        from .redis_store import RedisSlotStore
    except ImportError:
        raise InvalidRequestError(
            "Sharing rate limits through Redis needs the package redis.",
            next_step="pip install 'liangxin_nb[team]', or unset LIANGXIN_BUDGET.",
        ) from None
    return RedisSlotStore(location, name)
