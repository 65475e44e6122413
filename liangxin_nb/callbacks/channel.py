"""A session's end of it: an address to be called at, a capability per job record, and the watch."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractContextManager, suppress
from functools import cached_property

from ..errors import InvalidRequestError
from .hint_store import FILE, HintStore
from .public_url import resolve, validate
from .tokens import callback_url, folder
from .watcher import HintWatcher

__all__ = ["CallbackChannel"]

_GRACE_S = 600.0


class CallbackChannel:
    """Opens nothing before it is used.

    `local`: the API is on this machine. `patience`: seconds for which a job waits; a capability is
    good for ten minutes more.
    """

    def __init__(self, *, local: bool, patience: float) -> None:
        self._local = local
        self._seconds = patience + _GRACE_S

    @cached_property
    def _store(self) -> HintStore:
        try:
            return HintStore()
        except (OSError, sqlite3.Error) as error:
            raise _store_error(error) from None

    @cached_property
    def _watcher(self) -> HintWatcher:
        return HintWatcher(self._store)

    @property
    def used(self) -> bool:
        """Whether anybody has ever had a mailbox here."""
        return (folder() / FILE).is_file()

    def address(self, callback: str) -> str:
        """The base address for `auto`, the user's own URL as it is.

        Raises `InvalidRequestError`.
        """
        if callback != "auto":
            return validate(callback, local=self._local)
        found = resolve(local=self._local)
        _ = self._store
        return found

    def open(self, ticket: str, address: str) -> str:
        """The URL at which the service may call about one job record."""
        try:
            word = self._store.grant(ticket, self._seconds)
        except sqlite3.Error as error:
            raise _store_error(error) from None
        return callback_url(address, word)

    def subscribe(self, ticket: str) -> AbstractContextManager[asyncio.Queue[str]]:
        """The task ids that callers name for a job record; on the private loop."""
        return self._watcher.subscribe(ticket)

    def claimed_ids(self, ticket: str) -> list[str]:
        """The task ids that callers have named for a record so far; none where none can be read."""
        with suppress(InvalidRequestError, sqlite3.Error):
            if self.used:
                return [hint.task_id for hint in self._store.hints(ticket=ticket)]
        return []

    def holds(self, ticket: str) -> bool:
        """Whether a call about a job record may still come."""
        with suppress(InvalidRequestError, sqlite3.Error):
            return self.used and self._store.open_for(ticket)
        return False

    def forget(self, ticket: str) -> None:
        """Nothing is awaited for a job record any more; a mailbox that fails is passed over."""
        with suppress(sqlite3.Error):
            self._store.forget(ticket)


def _store_error(error: Exception) -> InvalidRequestError:
    return InvalidRequestError(
        f"The mailbox for callbacks cannot be used ({error}); nothing was sent.",
        next_step="Set LIANGXIN_CALLBACKS to a folder you can write to, or poll.",
    )
