"""The user-facing handle for a batch."""

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
from .contact_sheet import ContactSheet, build_sheet
from .executor import BatchExecutor, incomplete_request_error
from .outcome import RETRYABLE, Outcome, Progress
from .state import BatchState, update_from_record

__all__ = ["CONCURRENCY", "Batch"]

#: Number of tasks in flight at once by default.
CONCURRENCY = 16
_HEARTBEAT_S = 0.1  # an interrupt is only noticed between two waits
_HEADINGS = ("index", "row", "column", "model", "prompt", "options", "status", "attempts", "reused",
             "task", "seconds", "credits", "saved in or reason")  # fmt: skip


class Batch:
    """Many tasks as one: `wait()` for it, `await` it, or take its outcomes `as_completed()`.

    Partial failure is normal: `results` holds None where there is none, `failures` says why.
    `pause()` stops submitting, `detach()` stops watching too, `resume()` goes on, `retry()` asks
    again for what failed. Safe to use from any thread; made by `liangxin_nb.batch`.
    """

    def __init__(
        self, session: Session, state: BatchState, *, concurrency: int = CONCURRENCY
    ) -> None:
        #: Who works on it.
        self.session = session
        #: Remarks about the requests, to be shown with it.
        self.notes: tuple[str, ...] = ()
        self._state = state
        self._executor = BatchExecutor(session, state, concurrency)
        self._executor.owner = self  # while it is worked on it is there for whoever asks by its id
        self._lock = threading.RLock()

    # ---- what it is

    @property
    def id(self) -> str:
        """Its id in the ledger: `%liangxin batch ID` takes it up again."""
        return self._state.record.id

    @property
    def progress(self) -> Progress:
        """How it stands now."""
        return self._executor.progress

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
        return list(self.progress.failures)

    def __len__(self) -> int:
        return len(self._state)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._state)

    def __getitem__(self, index: int) -> Outcome:
        return list(self._state)[index]

    def table(self) -> Table:
        """A row for each place."""
        return Table(_HEADINGS, [_row(outcome) for outcome in self])

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame; raises `ImportError` where pandas is not installed."""
        return self.table().to_pandas()

    def sheet(self) -> ContactSheet:
        """The contact sheet: one picture of all results, labelled by row and column."""
        return build_sheet(self, self._state.rows, self._state.columns, self.progress)

    # ---- waiting for it

    def wait(self, timeout: float | None = None) -> list[Result | None]:
        """Blocks until nothing more happens here, and returns `results`.

        `timeout`: seconds, default none. An interrupt ends the wait, not the batch. Raises
        `WaitTimeoutError` after the timeout, and when tasks were left or not sent (after a pause).
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._short_interrupt():
            while not self._executor.idle.wait(_HEARTBEAT_S):
                if end is not None and time.monotonic() >= end:
                    raise self._unfinished_error(f"after {timeout:g} s")
        return self._results_or_raise()

    def __await__(self) -> Generator[Any, None, list[Result | None]]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> list[Result | None]:
        with self._short_interrupt():
            while not self._executor.idle.is_set():
                await asyncio.sleep(_HEARTBEAT_S)
        return self._results_or_raise()

    @contextmanager
    def _short_interrupt(self) -> Iterator[None]:
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
            with self._short_interrupt():
                over = self._executor.idle.wait(_HEARTBEAT_S)
            for place in self._state.ended[seen:]:
                seen += 1
                yield self._state.outcome(place)
            if over:
                return

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        seen, over = 0, False
        while not over:
            over = self._executor.idle.is_set()
            for place in self._state.ended[seen:]:
                seen += 1
                yield self._state.outcome(place)
            with self._short_interrupt():
                await asyncio.sleep(0 if over else _HEARTBEAT_S)

    def _results_or_raise(self) -> list[Result | None]:
        if any(outcome.status in ("pending", "detached") for outcome in self):
            raise self._unfinished_error("and nobody works on it")
        return self.results

    def _unfinished_error(self, how: str) -> WaitTimeoutError:
        return WaitTimeoutError(
            f"The batch is unfinished {how} ({self.progress.text}); what was sent may be billed.",
            next_step=f"Go on with %liangxin batch {self.id}",
        )

    def watch(self, watcher: Callable[[Progress], None]) -> None:
        """Tells the watcher how it stands now, then at most twice a second, and at the end."""
        self._executor.watchers.append(watcher)
        watcher(self.progress)

    # ---- steering it

    def pause(self) -> None:
        """Sends no more; what is at the service is followed to its end."""
        self._executor.pause()

    def detach(self) -> None:
        """Sends no more and stops watching. What was sent goes on and may be billed."""
        self._executor.detach()

    def resume(self) -> Self:
        """Goes on: sends what was never sent and collects what was left; sends nothing twice."""
        with self._lock:
            open_ = [t for t in self._idle_records() if t.status == "pending" or t.is_resumable]
            for record in open_:
                self._state.update(record.batch_index, update_from_record(self.session, record))
            # What the service has already comes first.
            self._executor.add(
                [t.batch_index for t in sorted(open_, key=lambda t: t.status == "pending")]
            )
        self._executor.resume()
        return self

    def retry(self) -> int:
        """Asks again for what failed or was refused, as new tasks; returns how many.

        Never for what may exist already (unknown). The old job records stay in the ledger. Raises
        `InvalidRequestError` when a limit would be crossed.
        """
        with self._lock:
            failed = [t for t in self._idle_records() if t.status in RETRYABLE]
            requests = {t.batch_index: self._complete_request(t) for t in failed}
            wanted = {place: request for place, request in requests.items() if request}
            for record in self.session.create_jobs(wanted, self.id):
                self._state.restart(record)
        self.resume()
        if failed and not wanted:
            raise incomplete_request_error(failed[0])
        return len(wanted)

    def _idle_records(self) -> list[JobRecord]:
        """The newest records, as the ledger has them, of places without a result or work on it."""
        resting = {o.index for o in self if o.status != "saved"} - self._executor.busy
        newest = {t.batch_index: t for t in self.session.ledger.jobs_of_batch(self.id)}
        return [record for place, record in newest.items() if place in resting]

    def _complete_request(self, record: JobRecord) -> Request | None:
        """All that was asked for: from memory, for pictures sent along; else from the ledger."""
        held = self._state.last_update(record.batch_index).record
        return next(
            (
                t.request
                for t in (held, record)
                if self.session.ledger.is_complete(record.replace(request=t.request))
            ),
            None,
        )

    def __repr__(self) -> str:
        name = f" {self._state.record.name!r}" if self._state.record.name else ""
        return f"<Batch {self.id}{name} · {self.progress.text}>"


def _row(outcome: Outcome) -> tuple[Any, ...]:
    record, result = outcome.last_update.record, outcome.result
    metadata = result.metadata if result else None
    return (
        outcome.index,
        outcome.row,
        outcome.column,
        outcome.request.model,
        outcome.request.prompt,
        dict(outcome.request.redacted_options),
        outcome.status,
        outcome.attempts,
        outcome.reused,
        record.task_id,
        metadata.duration_s if metadata else record.duration_s,
        metadata.credits if metadata else record.credits,
        result.relative_path if result else outcome.reason,
    )
