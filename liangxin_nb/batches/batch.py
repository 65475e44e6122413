"""A batch that is worked on: a window of tasks in flight, and what people do with it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Self

from ..core.job_record import JobRecord
from ..core.request import Request
from ..core.table import Table
from ..errors import WaitTimeoutError, one_line
from ..results import Result
from ..session import Session
from .contact_sheet import Sheet, sheet
from .executor import Crew, torn
from .outcome import AGAIN, Outcome, Progress
from .state import Board, stands

__all__ = ["WINDOW", "Batch"]

#: Tasks in flight at once, unless told otherwise.
WINDOW = 16
_HEARTBEAT = 0.1  # seconds; an interrupt does not wake a lock that sleeps longer
_HEADINGS = ("place", "row", "column", "model", "prompt", "options", "state", "tries", "reused",
             "task", "seconds", "credits", "kept in or reason")  # fmt: skip


class Batch:
    """Many tasks as one: `wait()` for it, `await` it, or take its outcomes `as_completed()`.

    Partial failure is normal: `results` holds None where there is none, `failures` says why.
    `pause()` stops submitting, `leave()` stops watching too, `resume()` goes on, `retry()` asks
    again for what failed. Safe to use from any thread; made by `liangxin_nb.batch`.
    """

    def __init__(self, session: Session, board: Board, *, window: int = WINDOW) -> None:
        #: Who works on it.
        self.session = session
        #: Remarks about the requests, to be shown with it.
        self.notes: tuple[str, ...] = ()
        self._board = board
        self._crew = Crew(session, board, window)
        self._crew.holder = self  # while it is worked on it is there for whoever asks by its id
        self._lock = threading.RLock()

    # ---- what it is

    @property
    def id(self) -> str:
        """Its id in the ledger: `%liangxin batch ID` takes it up again."""
        return self._board.bundle.id

    @property
    def progress(self) -> Progress:
        """How it stands now."""
        return self._crew.progress

    @property
    def counts(self) -> dict[str, int]:
        """How many places are done, running, unsent, failed, refused, lost, unknown, left."""
        return dict(self.progress.counts)

    @property
    def results(self) -> list[Result | None]:
        """The results in the order of what was asked for; None where there is none (yet)."""
        return [outcome.result for outcome in self]

    @property
    def failures(self) -> list[Outcome]:
        """The places that ended without a result, with their reasons."""
        return list(self.progress.troubles)

    def __len__(self) -> int:
        return len(self._board)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._board)

    def __getitem__(self, place: int) -> Outcome:
        return list(self._board)[place]

    def table(self) -> Table:
        """A row for each place."""
        return Table(_HEADINGS, [_row(outcome) for outcome in self])

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame; raises `ImportError` where pandas is not installed."""
        return self.table().to_pandas()

    def sheet(self) -> Sheet:
        """The contact sheet: one picture of all results, labelled by row and column."""
        return sheet(self, self._board.rows, self._board.columns, self.progress)

    # ---- waiting for it

    def wait(self, timeout: float | None = None) -> list[Result | None]:
        """Blocks until nothing more happens here, and returns `results`.

        `timeout`: seconds, default none. An interrupt ends the wait, not the batch. Raises
        `WaitTimeoutError` after the timeout, and when tasks were left or not sent (after a pause).
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._interrupt_in_one_line():
            while not self._crew.still.wait(_HEARTBEAT):
                if end is not None and time.monotonic() >= end:
                    raise self._open(f"after {timeout:g} s")
        return self._outcome()

    def __await__(self) -> Generator[Any, None, list[Result | None]]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> list[Result | None]:
        with self._interrupt_in_one_line():
            while not self._crew.still.is_set():
                await asyncio.sleep(_HEARTBEAT)
        return self._outcome()

    @contextmanager
    def _interrupt_in_one_line(self) -> Iterator[None]:
        """The interrupt goes on as it is; only what a notebook shows of it is shorter."""
        try:
            yield
        except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
            said = f"Interrupted: no longer waiting. %liangxin batch {self.id} shows the batch, "
            one_line(stopped, f"{said}which goes on in the background.")
            raise

    def as_completed(self) -> Iterator[Outcome]:
        """Each outcome as soon as it is there, failures too, until nothing more happens here."""
        seen = 0
        while True:
            with self._interrupt_in_one_line():
                over = self._crew.still.wait(_HEARTBEAT)
            for place in self._board.ended[seen:]:
                seen += 1
                yield self._board.outcome(place)
            if over:
                return

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        seen, over = 0, False
        while not over:
            over = self._crew.still.is_set()
            for place in self._board.ended[seen:]:
                seen += 1
                yield self._board.outcome(place)
            with self._interrupt_in_one_line():
                await asyncio.sleep(0 if over else _HEARTBEAT)

    def _outcome(self) -> list[Result | None]:
        if any(outcome.state in ("unsent", "left") for outcome in self):
            raise self._open("and nobody works on it")
        return self.results

    def _open(self, how: str) -> WaitTimeoutError:
        return WaitTimeoutError(
            f"The batch is unfinished {how} ({self.progress.text}); what was sent may be billed.",
            next_step=f"Go on with %liangxin batch {self.id}",
        )

    def watch(self, watcher: Callable[[Progress], None]) -> None:
        """Tells the watcher how it stands now, then at most twice a second, and at the end."""
        self._crew.watchers.append(watcher)
        watcher(self.progress)

    # ---- steering it

    def pause(self) -> None:
        """Sends no more; what is at the service is followed to its end."""
        self._crew.pause()

    def leave(self) -> None:
        """Sends no more and stops watching. What was sent goes on and may be billed."""
        self._crew.leave()

    def resume(self) -> Self:
        """Goes on: sends what was never sent and collects what was left; sends nothing twice."""
        with self._lock:
            open_ = [t for t in self._at_rest() if t.fate == "intent" or t.is_resumable]
            for ticket in open_:
                self._board.put(ticket.place, stands(self.session, ticket))
            # What the service has already comes first.
            self._crew.add([t.place for t in sorted(open_, key=lambda t: t.fate == "intent")])
        self._crew.go_on()
        return self

    def retry(self) -> int:
        """Asks again for what failed or was refused, as new tasks; returns how many.

        Never for what may exist already (unknown). The old tickets stay in the ledger. Raises
        `InvalidRequestError` when a limit would be crossed.
        """
        with self._lock:
            failed = [t for t in self._at_rest() if t.fate in AGAIN]
            requests = {t.place: self._whole(t) for t in failed}
            wanted = {place: request for place, request in requests.items() if request}
            for ticket in self.session.intend(wanted, self.id):
                self._board.again(ticket)
        self.resume()
        if failed and not wanted:
            raise torn(failed[0])
        return len(wanted)

    def _at_rest(self) -> list[JobRecord]:
        """The newest tickets, as the ledger has them, of places without a result or work on it."""
        resting = {o.place for o in self if o.state != "done"} - self._crew.busy
        newest = {t.place: t for t in self.session.ledger.of_batch(self.id)}
        return [ticket for place, ticket in newest.items() if place in resting]

    def _whole(self, ticket: JobRecord) -> Request | None:
        """All that was asked for: from memory, for pictures sent along; else from the ledger."""
        held = self._board.status(ticket.place).record
        return next(
            (
                t.request
                for t in (held, ticket)
                if self.session.ledger.whole(ticket.replace(request=t.request))
            ),
            None,
        )

    def __repr__(self) -> str:
        name = f" {self._board.bundle.name!r}" if self._board.bundle.name else ""
        return f"<Batch {self.id}{name} · {self.progress.text}>"


def _row(outcome: Outcome) -> tuple[Any, ...]:
    ticket, result = outcome.status.record, outcome.result
    told = result.metadata if result else None
    return (
        outcome.place,
        outcome.row,
        outcome.column,
        outcome.request.model,
        outcome.request.prompt,
        dict(outcome.request.redacted_options),
        outcome.state,
        outcome.tries,
        outcome.reused,
        ticket.task_id,
        told.seconds if told else ticket.seconds,
        told.credits if told else ticket.credits,
        result.place if result else outcome.reason,
    )
