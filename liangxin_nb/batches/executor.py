"""The work on a batch: as many tasks in flight as the window allows, on the private loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from ..core.job_record import JobRecord, JobUpdate
from ..errors import InvalidRequestError, LiangxinError, WaitTimeoutError
from ..session import Session
from ..session.job import Job
from .outcome import Progress
from .state import Board

__all__ = ["Crew", "torn"]

_BEAT = 0.5  # seconds between two words to whoever watches


class Crew:
    """Takes places from a queue and carries each to its end; `still` is set when nothing moves.

    `add`, `pause`, `go_on` and `leave` are for any thread, the rest happens on the private loop.
    """

    def __init__(self, session: Session, board: Board, window: int) -> None:
        self._session, self._board, self.window = session, board, window
        self.still = threading.Event()
        self.still.set()
        self.paused = self._leaving = self._beating = False
        self.busy: set[int] = set()  # queued or in flight
        self.usual: dict[str, float] = {}
        self.holder: object = None
        self.watchers: list[Callable[[Progress], None]] = []
        self._lock = threading.Lock()
        self._queue: deque[int] = deque()
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0

    @property
    def progress(self) -> Progress:
        """How the batch stands now."""
        moving = not self.still.is_set()
        return self._board.progress(self.usual, self.window, self.paused, moving)

    def add(self, places: Iterable[int]) -> None:
        """Queues places that are not in the queue or in flight already."""
        with self._lock:
            fresh = [place for place in places if place not in self.busy]
            self.busy.update(fresh)
            if fresh:
                self.still.clear()
        self._session.loop.call(self._queued, fresh)

    def pause(self) -> None:
        """Starts no more."""
        self.paused = True
        self._session.loop.call(self._turn)

    def go_on(self) -> None:
        """Starts what is queued."""
        self.paused = self._leaving = False
        with self._lock:
            if self.busy:
                self.still.clear()
        self._session.loop.call(self._turn)

    def leave(self) -> None:
        """Starts no more, and leaves what is in flight."""
        self.paused = self._leaving = True
        self._session.loop.call(self._leave)

    def _leave(self) -> None:
        for job in self._jobs.values():
            job.leave()
        self._turn()

    def _queued(self, places: list[int]) -> None:
        self._queue.extend(places)
        self._turn()

    def _turn(self) -> None:
        """Sets workers to the queue, and says when nothing moves any more."""
        while self._queue and not self.paused and self._workers < self.window:
            self._workers += 1
            self._start(self._work(self._queue.popleft()))
        with self._lock:
            moving = self._workers > 0 or (bool(self.busy) and not self.paused)
            self._board.moves(moving)
            if not moving:
                self.still.set()
        if not moving:
            self._tell()
        elif not self._beating:
            self._beating = True
            self._start(self._beat())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself holds tasks weakly only
        task.add_done_callback(self._tasks.discard)

    async def _work(self, place: int) -> None:
        ticket = self._board.status(place).record
        try:
            await self._carry(place, ticket)
        except Exception as error:  # a defect ends one place, not the batch
            plain = isinstance(error, LiangxinError)
            told = error if plain else LiangxinError(f"{type(error).__name__}: {error}")
            self._end(place, ticket, "refused" if plain else "failed", told)
        finally:
            self._jobs.pop(place, None)
            self._workers -= 1
            self.busy.discard(place)
            self._turn()

    async def _carry(self, place: int, ticket: JobRecord) -> None:
        """One place to its end."""
        job = await asyncio.to_thread(self._taken_up, ticket)
        if job is None:
            other = WaitTimeoutError("Another notebook looks after it and keeps its result.")
            self._end(place, ticket, "left", other)
            return
        self._jobs[place] = job
        if self._leaving:
            job.leave()
        ended: asyncio.Future[JobUpdate] = asyncio.get_running_loop().create_future()

        def told(status: JobUpdate) -> None:
            if status.is_final and not ended.done():
                ended.set_result(status)
            elif not ended.done():
                self._board.put(place, status)

        job.watch(told)
        last = await ended
        if self._leaving and last.phase == "refused":
            last = await asyncio.to_thread(self._never_sent, last)
        self._board.put(place, last)

    def _never_sent(self, last: JobUpdate) -> JobUpdate:
        """A place that was left before its turn came is still to be sent."""
        now = self._session.ledger.find(last.record.id)
        return JobUpdate(now, "unsent") if now is not None and now.fate == "intent" else last

    def _taken_up(self, ticket: JobRecord) -> Job | None:
        if ticket.fate == "intent" and not self._session.ledger.whole(ticket):
            raise torn(ticket)
        return self._session.take_up(ticket)

    def _end(self, place: int, ticket: JobRecord, phase: str, error: Any) -> None:
        self._board.put(place, JobUpdate(ticket, phase, error=error, ended_at=time.time()))

    async def _beat(self) -> None:
        """Tells whoever watches, not at every change: there may be hundreds in a second."""
        self.usual = await asyncio.to_thread(self._usually)
        while not self.still.is_set():
            self._tell()
            await asyncio.sleep(_BEAT)
        self._beating = False
        self._tell()

    def _usually(self) -> dict[str, float]:
        models = {outcome.request.model for outcome in self._board}
        profile = self._session.settings.profile
        found = {model: self._session.ledger.usual(model, profile) for model in models}
        return {model: seconds for model, seconds in found.items() if seconds is not None}

    def _tell(self) -> None:
        now = self.progress
        for watcher in list(self.watchers):
            # A screen that fails to draw must not end the work it shows.
            with suppress(Exception):
                watcher(now)


def torn(ticket: JobRecord) -> InvalidRequestError:
    """The refusal of a ticket whose reference picture went with the process that had it."""
    return InvalidRequestError(
        f"{ticket.id} was asked for with a picture that the ledger only names; it was not sent.",
        next_step="Ask for it anew, with its picture.",
    )
