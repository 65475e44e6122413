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
from ..polling import Pace
from .file_store import FileBook, OwnBook, folder
from .slots import Book, Rule

__all__ = ["Budget", "obstacle"]

_T = TypeVar("_T")
QUERY, CREATE = "recordInfo", "createTask"
_NOW = 0.001  # seconds: an appointment as near as that is kept
_SOONEST = 1.0  # seconds of waiting below which nobody is told
_ALONE = 30.0  # seconds until a shared place that failed is tried again


class Budget:
    """The query and create budgets of one key, shared by all that use it; for the private loop.

    `pace` gives the rates. `place`: a folder or a `redis://` address, default the user's runtime
    folder. Where the place cannot be used, this process keeps the rates by itself. `clock`:
    seconds that only go up, the same for all processes of this machine.
    """

    def __init__(
        self, pace: Pace, place: str = "", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._place = place
        self._clock = clock
        self.rules = {QUERY: Rule(1, pace.spacing), CREATE: Rule(20, pace.creating)}
        self._unasked, self._longest = 10 * pace.spacing, pace.longest
        self._own = OwnBook(clock)
        self._book: Book = self._own
        # A thread of its own: a turn must not wait behind downloads and the ledger's writes.
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: deque[asyncio.Future[None]] = deque()
        self._free_at, self._alone_until = 0.0, 0.0
        self._numbers, self._id = itertools.count(), uuid.uuid4().hex[:12]

    @property
    def creating(self) -> str:
        """The create rate in words, such as `20 per 10 s`."""
        rule = self.rules[CREATE]
        return f"{rule.most} per {rule.within:.2g} s"

    def serve(self, service: str, key: str) -> None:
        """Shares the turns of this service's address and key; the key itself is not kept."""
        name = hashlib.sha256(f"{service}\n{key}".encode()).hexdigest()[:24]
        try:
            self._book = _book(self._place, name, self._clock)
        except (OSError, ValueError):
            self._book = self._own

    async def query(self) -> None:
        """Returns when one question may be asked."""
        await self._turn(QUERY, self._name())

    async def create(self, tell: Callable[[float], None] | None = None) -> str:
        """Returns when one task may be created, in the order of asking; the turn's name.

        `tell` is told the seconds that are likely left, again and again. May be cancelled.
        """
        name = self._name()
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        if len(self._line) == 1:
            place.set_result(None)
        try:
            await self._queued(place, tell or _nobody)
            await self._turn(CREATE, name, tell or _nobody)
        finally:
            first = self._line[0] is place
            self._line.remove(place)
            if first and self._line:
                self._line[0].set_result(None)
        return name

    async def created(self, name: str) -> None:
        """The request of that turn was answered: it may have been long on its way."""
        await self._kept(lambda book: book.sent(CREATE, name))

    async def refused(self, call: str, seconds: float | None) -> None:
        """The service said 429: everybody on this key pauses that call for as long as it asked."""
        pause = min(self._unasked if seconds is None else seconds, self._longest)
        await self._kept(lambda book: book.close(call, pause))

    def _name(self) -> str:
        return f"{self._id}-{next(self._numbers)}"

    async def _queued(self, place: asyncio.Future[None], tell: Callable[[float], None]) -> None:
        rule = self.rules[CREATE]
        while not place.done():
            ahead = self._line.index(place)
            left = max(0.0, self._free_at - self._clock()) + ahead * rule.within / rule.most
            if left >= _SOONEST:
                tell(left)
            await asyncio.wait([place], timeout=max(2.0, left / 5))

    async def _turn(self, call: str, who: str, tell: Callable[[float], None] | None = None) -> None:
        """An appointment, kept: whoever comes back late does not crowd those after it."""
        rule = self.rules[call]
        while (pause := await self._kept(lambda book: book.reserve(call, rule, who))) > _NOW:
            if tell is not None:
                self._free_at = self._clock() + pause
                if pause >= _SOONEST:
                    tell(pause)
            await asyncio.sleep(pause)

    async def _kept(self, step: Callable[[Book], _T]) -> _T:
        """A step in the shared book; in one's own for a while after that could not be used."""
        loop, book = asyncio.get_running_loop(), self._book
        if book is self._own or self._clock() < self._alone_until:
            return step(self._own)
        if self._thread is None or self._loop is not loop:  # after a fork the thread is gone
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="liangxin-budget")
            self._loop = loop
        try:
            return await loop.run_in_executor(self._thread, step, book)
        except OSError:
            self._alone_until = self._clock() + _ALONE
            return step(self._own)


def obstacle(place: str) -> str:
    """What keeps the rates from being shared at a place, in words; empty when they are."""
    try:
        _book(place, "tried", time.monotonic).close(QUERY, 0.0)
    except (OSError, ValueError, LiangxinError) as error:
        return str(error) or type(error).__name__
    return ""


def _nobody(_: float) -> None:
    """Nobody wants to know."""


def _book(place: str, name: str, clock: Callable[[], float]) -> Book:
    if "://" not in place:
        return FileBook(Path(place or folder()).expanduser() / f"{name}.json", clock)
    try:
        from .redis_store import RedisBook
    except ImportError:
        raise InvalidRequestError(
            "A budget in Redis needs the package redis.",
            next_step="pip install 'liangxin_nb[team]', or unset LIANGXIN_BUDGET.",
        ) from None
    return RedisBook(place, name)
