"""What a forked child process must not share with its parent.

After `os.fork` the child has a copy of the parent's memory, but only one of its threads. Locks that
other threads held stay locked, event loops stand still, and connections belong to the parent.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, Self, TypeVar
from weakref import WeakSet

__all__ = ["SQLITE_USE", "ForkDelay", "ForkSafeLock", "Handle", "keep_unused", "renew_after_fork"]

_MAX_DELAY_S = 1.0
_IMPORT_POLL_S = 0.002


class _Renewable(Protocol):
    def after_fork(self) -> None: ...


_T = TypeVar("_T", bound=_Renewable)
_renewables: WeakSet[Any] = WeakSet()


def renew_after_fork(item: _T) -> _T:
    """Call `item.after_fork()` in every forked child, before any other code runs there.

    Args:
        item: An object with locks, threads or connections. It is referenced weakly.

    Returns:
        The object.
    """
    _renewables.add(item)
    return item


class Handle:
    """Something of which no copies are made: `copy.copy` and `copy.deepcopy` return it."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


class ForkSafeLock:
    """A re-entrant lock that is free in a forked child, whatever thread of the parent held it."""

    def __init__(self) -> None:
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Replace the lock."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class ForkDelay:
    """Delays forks, at most one second, while other threads do work that a child cannot inherit."""

    def __init__(self) -> None:
        self.after_fork()
        renew_after_fork(self)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._wait, after_in_parent=lambda: self._ended.release())

    def after_fork(self) -> None:
        """Forget the threads of the parent."""
        self._ended = threading.Condition()
        self._threads: Counter[int] = Counter()

    @contextmanager
    def during(self) -> Iterator[None]:
        """Delay the forks of other threads while the body runs."""
        thread = threading.get_ident()
        with self._ended:
            self._threads[thread] += 1
        try:
            yield
        finally:
            with self._ended:
                self._threads[thread] -= 1
                self._threads = +self._threads
                self._ended.notify_all()

    def _wait(self) -> None:
        self._ended.acquire()  # until the fork: no other thread begins meanwhile
        own = threading.get_ident()
        self._ended.wait_for(lambda: not self._threads.keys() - {own}, _MAX_DELAY_S)


def _wait_for_imports() -> None:
    """Delay a fork, at most one second, while other threads import modules.

    A child could never import such a module: the lock of the import stays locked there.
    """
    end = time.monotonic() + _MAX_DELAY_S
    while _importing_threads() - {threading.get_ident()} and time.monotonic() < end:
        time.sleep(_IMPORT_POLL_S)


def _importing_threads() -> set[int]:
    """Return the threads that import a module; empty where Python does not show them."""
    locks = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    owners = (getattr(lock(), "owner", None) for lock in list(locks.values()))
    return {owner for owner in owners if owner is not None}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_imports)  # the first one that is registered runs last

#: SQLite in a forked child takes the locks of its parent for its own, which are never released.
SQLITE_USE = ForkDelay()


def keep_unused(*items: object) -> None:
    """Never release objects that belong to the parent process, not even when Python ends.

    Closing an inherited SQLite connection could undo a transaction of the parent.
    Source: https://sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_

    Args:
        *items: The objects; what they refer to is not released either.
    """
    for item in items:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))


def _renew_all() -> None:
    for item in list(_renewables):
        with suppress(Exception):  # the others are renewed, too
            item.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
