"""The private loop: one daemon thread on which all waiting and all network traffic happen.

The kernel's own loop stands still while a cell runs blocking code; this one does not. Each piece
of work runs in a copy of its caller's context, so that what it prints stays with the cell.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from ..core.public import public

__all__ = ["BackgroundLoop", "allow_nested_loops"]

T = TypeVar("T")


class BackgroundLoop:
    """A loop thread that starts at its first use, and anew in a forked child."""

    def __init__(self, name: str = "liangxin") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop itself."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            return self._loop

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts the work there; the future takes its result, its error or its cancellation."""
        context, loop, future = contextvars.copy_context(), self.get(), Future[T]()
        # Without this, threads that wait for the future are not woken when it is cancelled.
        future.set_running_or_notify_cancel()

        def start() -> None:
            loop.create_task(work).add_done_callback(lambda task: _settle(task, future))

        loop.call_soon_threadsafe(start, context=context)
        return future

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Calls a function there, soon, without waiting for it; safe from every thread."""
        self.get().call_soon_threadsafe(function, *args)


def _settle(task: asyncio.Task[T], future: Future[T]) -> None:
    if task.cancelled():
        future.set_exception(CancelledError())
    elif error := task.exception():
        future.set_exception(error)
    else:
        future.set_result(task.result())


@public
def allow_nested_loops() -> None:
    """Lets `asyncio.run(main())`, pasted from a script, work in a cell.

    Opt-in, because it patches asyncio for the whole kernel, and on current kernels button presses
    are lost while such a call runs. The toolkit itself never needs it.
    """
    try:
        import nest_asyncio2 as nest
    except ImportError:
        import nest_asyncio as nest
    nest.apply()
