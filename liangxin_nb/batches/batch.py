"""The user-facing handle for a batch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Self, overload

from .._forks import Handle
from ..cell_outputs.batch_summary import RETRYABLE
from ..core.job_record import JobPhase, JobRecord, JobStatus
from ..core.public import explain_wrong_calls, public
from ..core.request import Request
from ..core.table import Table
from ..engine.background_loop import short_interrupt
from ..errors import InvalidRequestError, WaitTimeoutError
from ..results import Result
from ..session import BaseSession
from ..session.following import incomplete_request_error
from ..session.references import restore_references
from .contact_sheet import ContactSheet
from .executor import BatchExecutor
from .outcome import Outcome, Progress, StatusCounts, outcome_table, when_idle
from .state import BatchState, is_unfinished, newest_records, update_of

__all__ = ["CONCURRENCY", "Batch"]

#: Number of tasks in flight at once by default.
CONCURRENCY = 16
_HEARTBEAT_S = 0.1  # an interrupt is only noticed between two waits


@public
class Batch(Handle):
    """Many requests as one: `wait()` for it, `await` it, or iterate over `as_completed()`.

    Some requests of a batch may fail: `results` holds None for them, and `failures` says why.
    Batches are made by `batch`, and are safe to use from any thread.

    Attributes:
        session: The session that the batch runs in.
        notes: Remarks about the requests, to be shown with the batch.
    """

    def __init__(
        self, session: BaseSession, state: BatchState, *, concurrency: int = CONCURRENCY
    ) -> None:
        """Prepare a batch; `resume` starts it.

        Args:
            session: The session that the batch runs in.
            state: The batch's requests and what became of them.
            concurrency: How many tasks are in flight at once.
        """
        self.session: BaseSession = session
        self.notes: tuple[str, ...] = ()
        self._state = state
        self._executor = BatchExecutor(session, state, concurrency)
        self._executor.owner = self  # a batch that runs stays findable by its id
        self._lock = threading.RLock()

    @property
    def id(self) -> str:
        """The batch's id in the ledger: `%liangxin batch ID` opens it again."""
        return self._state.record.id

    @property
    def progress(self) -> Progress:
        """A snapshot of how far the batch is."""
        return self._executor.progress

    @property
    def counts(self) -> dict[str, int]:
        """How many requests are in each state, with every state that a request can have."""
        return StatusCounts(self.progress.counts)

    @property
    def results(self) -> list[Result | None]:
        """The results in the order of the requests; None for each that has none (yet)."""
        return [outcome.result for outcome in self]

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes that ended without a result, with their reasons."""
        return list(self.progress.failures)

    def __len__(self) -> int:
        return len(self._state)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._state)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        if isinstance(index, slice):
            return [self._state.outcome(n) for n in range(len(self))[index]]
        try:
            return self._state.outcome(range(len(self))[index])
        except TypeError:
            raise InvalidRequestError(
                f"batch[{index!r}] is not a request of the batch.",
                next_step=f"Write batch[0] to batch[{len(self) - 1}]; batch.table() lists them.",
            ) from None
        except IndexError:  # ends a loop, so it stays an IndexError
            raise IndexError(
                f"batch[{index}] is out of range: the batch has {len(self)} requests."
            ) from None

    def table(self) -> Table:
        """Return a table with one row for each request."""
        return outcome_table(self)

    def to_pandas(self) -> Any:
        """Return the table as a pandas DataFrame.

        Raises:
            LiangxinError: If pandas is not installed.
        """
        return self.table().to_pandas()

    def sheet(self) -> ContactSheet:
        """Return the contact sheet: all results in a grid, labelled by row and column."""
        return ContactSheet(self._state.summary, self.session.settings.output)

    @explain_wrong_calls("batch.wait() or batch.wait(60)")
    def wait(self, timeout: float | None = None) -> list[Result | None]:
        """Block until nothing of the batch is running, and return its `results`.

        An interrupt ends the wait, not the batch.

        Args:
            timeout: Seconds; None waits as long as the batch runs.

        Returns:
            The results in the order of the requests, None for each that failed.

        Raises:
            WaitTimeoutError: After the timeout, or if requests were detached or not sent.
        """
        self._continue_in_child()
        end = None if timeout is None else time.monotonic() + timeout
        with self._interruptible():
            while not self._executor.idle.wait(_HEARTBEAT_S):
                if end is not None and time.monotonic() >= end:
                    raise self._unfinished_error(f"after {timeout:g} s")
        return self._results_or_raise()

    def __await__(self) -> Generator[Any, None, list[Result | None]]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> list[Result | None]:
        self._continue_in_child()
        with self._interruptible():
            while not self._executor.idle.is_set():
                await asyncio.sleep(_HEARTBEAT_S)
        return self._results_or_raise()

    def _interruptible(self) -> AbstractContextManager[None]:
        text = "Interrupted: no longer waiting. The batch runs on in the background; "
        text += f"%liangxin batch {self.id} shows it."
        return short_interrupt(lambda: text, lambda call: self.watch(when_idle(call)))

    def as_completed(self) -> Iterator[Outcome]:
        """Yield each outcome as soon as its request has ended, failures included.

        Yields:
            The outcomes in the order in which they ended, until nothing is running.
        """
        self._continue_in_child()
        seen = 0
        while True:
            with self._interruptible():
                is_idle = self._executor.idle.wait(_HEARTBEAT_S)
            for index in self._state.ended[seen:]:
                seen += 1
                yield self._state.outcome(index)
            if is_idle:
                return

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        self._continue_in_child()
        seen, is_idle = 0, False
        while not is_idle:
            is_idle = self._executor.idle.is_set()
            for index in self._state.ended[seen:]:
                seen += 1
                yield self._state.outcome(index)
            with self._interruptible():
                await asyncio.sleep(0 if is_idle else _HEARTBEAT_S)

    def _results_or_raise(self) -> list[Result | None]:
        if any(outcome.status in ("pending", "detached") for outcome in self):
            raise self._unfinished_error("and not running")
        return self.results

    def _unfinished_error(self, how: str) -> WaitTimeoutError:
        return WaitTimeoutError(
            f"The batch is unfinished {how} ({self.progress.text}); what was sent may be billed.",
            next_step=f"%liangxin batch {self.id} continues it.",
        )

    def watch(self, watcher: Callable[[Progress], None]) -> None:
        """Pass the progress to a function now, at most twice a second, and at the end.

        Args:
            watcher: Called with each snapshot, on the background thread.
        """
        self._executor.watchers.append(watcher)
        watcher(self.progress)

    def pause(self) -> None:
        """Send no more requests; tasks at the service are followed to their end."""
        self._executor.pause()

    def detach(self) -> None:
        """Send no more requests and stop watching. Tasks that were created may be billed."""
        self._executor.detach()

    def resume(self) -> Self:
        """Send what was never sent and collect what is unfinished; nothing is sent twice.

        Returns:
            The batch itself.
        """
        with self._lock:
            idle = self._idle_records()
            for index, record in idle.items():
                if is_unfinished(record) or record.status == JobStatus.SAVED:
                    self._state.refresh(index, update_of(self.session, record))
            unfinished = [index for index, record in idle.items() if is_unfinished(record)]
            # Tasks that the service already has come first.
            unfinished.sort(key=lambda index: idle[index].status == JobStatus.PENDING)
            self._executor.add(unfinished)
        self._executor.resume()
        return self

    def _continue_in_child(self) -> None:
        """Follow the jobs of the parent process, once."""
        if self._executor.is_unused_copy:
            self._executor.is_unused_copy = False
            self.resume()

    def retry(self) -> int:
        """Send the failed and rejected requests again, as new tasks.

        Unconfirmed requests are never sent again: their tasks may exist; nor what another notebook
        retries. The earlier records stay in the ledger.

        Returns:
            How many requests are sent again.

        Raises:
            InvalidRequestError: If a spend limit would be exceeded. Nothing is sent.
        """
        with self._lock:
            idle = self._idle_records()
            failed = {n: record for n, record in idle.items() if record.status in RETRYABLE}
            requests = {n: self._complete_request(n, record) for n, record in failed.items()}
            complete = {index: request for index, request in requests.items() if request}
            derivations = {index: failed[index].derivation for index in complete}
            created = self.session.create_jobs(complete, self.id, derivations=derivations)
            for record in created:
                self._state.restart(record)
        self.resume()
        if failed and not complete:
            raise incomplete_request_error(next(iter(failed.values())))
        return len(created)

    def _idle_records(self) -> dict[int, JobRecord]:
        """Return the newest record of each request without complete result that is not running."""
        idle = {o.index for o in self if o.last_update.display_state != JobPhase.SAVED}
        idle -= self._executor.busy
        newest = newest_records(self.session, self._state.record)
        return {index: record for index, record in newest.items() if index in idle}

    def _complete_request(self, index: int, record: JobRecord) -> Request | None:
        """Return the request with its reference pictures, from memory, ledger or results."""
        in_memory = self._state.last_update(index).record.request
        restored = restore_references(self.session.ledger, self.session.results, record)
        for request in (in_memory, restored):
            if self.session.ledger.is_complete(record.replace(request=request)):
                return request
        return None

    def __reduce__(self) -> NoReturn:
        raise InvalidRequestError(
            f"Batch {self.id} belongs to its process and cannot be pickled.",
            next_step=f'Keep its id; lx.batch(id="{self.id}") opens it in any process.',
        )

    def __repr__(self) -> str:
        name = f" {self._state.record.name!r}" if self._state.record.name else ""
        return f"<Batch {self.id}{name} · {self.progress.text}>"
