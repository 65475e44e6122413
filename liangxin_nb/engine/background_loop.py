"""The background event loop: one daemon thread for all waiting and all network traffic.

The kernel's own loop is blocked while a cell runs blocking code; this one is not.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures.thread  # noqa: F401 its exit hook is registered first, so it runs last
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from .._forks import keep_unused, renew_after_fork
from ..core.foreign_file import file_problem
from ..core.public import public
from ..errors import LiangxinError, one_line

__all__ = [
    "INTERRUPT_LISTENERS",
    "BackgroundLoop",
    "WhenEnded",
    "allow_nested_loops",
    "before_exit",
    "short_interrupt",
]

T = TypeVar("T")


#: Calls a function when some work has ended.
WhenEnded = Callable[[Callable[[], object]], None]
#: Called with each interrupt of a wait and its line; a notebook shows the line itself.
INTERRUPT_LISTENERS: list[Callable[[BaseException, str, WhenEnded], None]] = []


class BackgroundLoop:
    """An event loop on a thread that starts at the first use, and again in a forked child."""

    def __init__(self, name: str = "liangxin") -> None:
        self._name = name
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._loop: asyncio.AbstractEventLoop | None = None
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Start another loop at the next use; the thread of this one is in the parent process."""
        keep_unused(self._loop)
        self._lock, self._loop = threading.RLock(), None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the running event loop; start it if needed."""
        with self._lock:
            if self._loop is None:
                loop = _new_loop()
                if self._loop is not None:  # a signal handler has just started another one
                    loop.close()
                    return self._loop
                thread = threading.Thread(
                    target=_run_loop, args=(loop,), name=self._name, daemon=True
                )
                self._loop = loop
                try:
                    thread.start()
                except RuntimeError as error:  # too many threads
                    self._loop = None
                    loop.close()
                    raise _start_error(str(error)) from None
            return self._loop

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop.

        It runs in a copy of the caller's context, so that its output belongs to the caller's cell.

        Args:
            work: The coroutine.

        Returns:
            The future of its result, its exception or its cancellation.
        """
        try:
            loop = self.get()
        except LiangxinError:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, loop)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Schedule a function on the loop without waiting for it; safe from every thread."""
        self.get().call_soon_threadsafe(function, *args)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.new_event_loop()
    except OSError as error:
        raise _start_error(file_problem(error)) from None


def _start_error(reason: str) -> LiangxinError:
    return LiangxinError(
        f"The background loop cannot be started ({reason}); nothing was sent.",
        next_step="Close some files or restart the kernel.",
    )


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def before_exit(hook: Callable[[], None]) -> None:
    """Call a function when this process ends normally, while threads can still be started.

    SIGTERM is ignored meanwhile: Jupyter sends it halfway through the grace period of a kernel.

    Args:
        hook: Called once, in this process only; it must not take longer than four seconds.

    Raises:
        RuntimeError: If Python is ending already.
    """
    process = os.getpid()

    def run() -> None:
        if os.getpid() != process:
            return
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with suppress(Exception):
            hook()

    # `atexit` runs its functions after the executors of threads are shut down.
    getattr(threading, "_register_atexit", atexit.register)(run)


@public
def allow_nested_loops() -> None:
    """Allow `asyncio.run(main())`, copied from a script, inside a cell.

    This is opt-in because it patches asyncio for the whole kernel, and on current kernels widget
    events are lost while such a call runs. The toolkit itself never needs it.
    """
    try:
        import nest_asyncio2 as nest
    except ImportError:
        import nest_asyncio as nest
    nest.apply()


@contextmanager
def short_interrupt(message: Callable[[], str], when_ended: WhenEnded) -> Iterator[None]:
    """Let a notebook show an interrupt of a wait as one line; it is raised unchanged.

    Args:
        message: Returns the line.
        when_ended: Calls a function when what was waited for has ended.
    """
    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
        line = message()
        one_line(stopped, line)
        for listener in INTERRUPT_LISTENERS:
            with suppress(Exception):  # the interrupt itself must arrive
                listener(stopped, line, when_ended)
        raise
