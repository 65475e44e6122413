"""The callbacks of one session: a callback URL for each job, and the hints for waiting jobs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property

from ..errors import InvalidRequestError
from .hint_store import FILE, Hint, HintStore, to_store_error
from .public_url import resolve, validate
from .tokens import callback_url, folder

__all__ = ["CallbackChannel", "HintWatcher"]

_GRACE_S = 600.0
_INTERVAL_S = 0.25  # seconds between two reads of the store


class HintWatcher:
    """Reads the store for all waiting jobs of a session; for the background loop only."""

    def __init__(self, store: HintStore) -> None:
        self._store = store
        self._queues: dict[str, asyncio.Queue[str]] = {}
        self._last_numbers: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def subscribe(self, job_id: str) -> Iterator[asyncio.Queue[str]]:
        """Receive the task ids that callbacks name for a job, including earlier ones."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._queues[job_id], self._last_numbers[job_id] = queue, 0
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._poll_store())
        try:
            yield queue
        finally:
            del self._queues[job_id], self._last_numbers[job_id]

    async def _poll_store(self) -> None:
        while self._queues:
            queues = dict(self._queues)
            try:
                after = min(self._last_numbers.values())
                hints = await asyncio.to_thread(self._store.list_hints, after)
            except sqlite3.Error:
                hints = []  # the store is locked or removed: the poller still works
            for hint in hints:
                self._deliver(hint)
            for job_id, queue in queues.items() if hints else ():
                if self._queues.get(job_id) is queue:
                    self._last_numbers[job_id] = max(self._last_numbers[job_id], hints[-1].number)
            await asyncio.sleep(_INTERVAL_S)

    def _deliver(self, hint: Hint) -> None:
        if hint.number > self._last_numbers.get(hint.job_id, hint.number):
            self._queues[hint.job_id].put_nowait(hint.task_id)


class CallbackChannel:
    """Issues callback URLs and receives hints; opens nothing before it is used."""

    def __init__(self, *, local: bool, patience: float) -> None:
        """Create a channel.

        Args:
            local: Whether the service runs on this machine.
            patience: Seconds for which a job waits; its callback URL is valid ten minutes longer.
        """
        self._local = local
        self._valid_s = patience + _GRACE_S

    @cached_property
    def _store(self) -> HintStore:
        try:
            return HintStore()
        except (OSError, sqlite3.Error) as error:
            raise to_store_error(error) from None

    @cached_property
    def _watcher(self) -> HintWatcher:
        return HintWatcher(self._store)

    @property
    def _exists(self) -> bool:
        """Whether callbacks have been used with this folder before."""
        return (folder() / FILE).is_file()

    def resolve_address(self, callback: str) -> str:
        """Return the base address for `auto`, or check the user's own URL.

        Args:
            callback: `auto`, or a URL.

        Returns:
            The address, or the URL unchanged.

        Raises:
            InvalidRequestError: If there is no address, or a service cannot call it.
        """
        if callback != "auto":
            return validate(callback, local=self._local)
        address = resolve(local=self._local)
        _ = self._store  # raises before anything is sent if the folder cannot be used
        return address

    def issue_url(self, job_id: str, address: str) -> str:
        """Return a new callback URL for a job.

        Args:
            job_id: The job.
            address: The base address of this notebook's server.

        Raises:
            InvalidRequestError: If the folder for callbacks cannot be used.
        """
        try:
            token = self._store.issue_token(job_id, self._valid_s)
        except sqlite3.Error as error:
            raise to_store_error(error) from None
        return callback_url(address, token)

    def subscribe(self, job_id: str) -> AbstractContextManager[asyncio.Queue[str]]:
        """Receive the task ids that callbacks name for a job; on the background loop."""
        return self._watcher.subscribe(job_id)

    def claimed_ids(self, job_id: str) -> list[str]:
        """Return the task ids that callbacks have named for a job; none if the store fails."""
        with suppress(InvalidRequestError, sqlite3.Error):
            if self._exists:
                return [hint.task_id for hint in self._store.list_hints(job_id=job_id)]
        return []

    def expects_callback(self, job_id: str) -> bool:
        """Return whether a callback for a job may still arrive."""
        with suppress(InvalidRequestError, sqlite3.Error):
            return self._exists and self._store.has_valid_token(job_id)
        return False

    def stop_expecting(self, job_id: str) -> None:
        """Delete the callback tokens and hints of a job; errors of the store are ignored."""
        with suppress(sqlite3.Error):
            self._store.delete(job_id)
