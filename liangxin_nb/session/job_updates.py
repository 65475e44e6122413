"""The updates of a job, in the process that works on it and in others that have a copy of it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .._forks import Handle, keep_unused, renew_after_fork
from ..core.job_record import JobRecord, JobUpdate
from ..engine.background_loop import BackgroundLoop
from ..errors import LiangxinError
from ..results import Result

_MAX_PICKLING_S, _INTERVAL_S = 10.0, 0.02
__all__ = ["JobUpdates"]


class JobUpdates(Handle):
    """The latest update of a job, those who watch it, and its end as a future.

    A forked child and a process that unpickles a job have a copy of it. They follow the job by
    the ledger as soon as the copy is used.
    """

    def __init__(
        self,
        record: JobRecord,
        loop: BackgroundLoop,
        reload: Callable[[str], JobRecord | None],
        adopt: Callable[[Any], None] | None,
    ) -> None:
        self.note: str = ""
        self._adopt = adopt
        self._update = JobUpdate.first(record)
        self.set_session(loop, reload)
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        """Start without watchers, and with nothing on its way."""
        # A signal handler may interrupt the thread that holds the lock.
        self._lock = threading.RLock()
        self._watchers: list[Callable[[JobUpdate], None]] = []
        self._future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._running: concurrent.futures.Future[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._detached = self.is_submitting = False
        self._is_elsewhere = False

    def after_fork(self) -> None:
        """Leave an unfinished job to the parent process until it is used in the child."""
        keep_unused(dict(vars(self)))
        self.restore(self._update)

    def restore(self, update: JobUpdate) -> None:
        """Set the state that an update from another process describes."""
        self._begin()
        self._update = update
        self._is_elsewhere = not update.is_final
        if update.is_final:
            self._set_future(update)

    def set_session(self, loop: BackgroundLoop, reload: Callable[[str], JobRecord | None]) -> None:
        """Set the loop and the ledger of the session, in this process, that follows the job."""
        self._loop, self._reload = loop, reload

    def _follow_here(self) -> None:
        """Follow the job from this process if it was started in another one.

        Raises:
            LiangxinError: If this process cannot open its session.
        """
        with self._lock:
            if not self._is_elsewhere or self._adopt is None:
                return
            self._is_elsewhere = False
            try:
                self._adopt(self)
            except BaseException:
                self._is_elsewhere = True
                raise

    @property
    def last_update(self) -> JobUpdate:
        """The latest snapshot of the job."""
        with suppress(LiangxinError):  # `wait` raises it
            self._follow_here()
        return self._update

    def watch(self, watcher: Callable[[JobUpdate], None]) -> None:
        """Pass the latest update to a function now, and every later one as it comes.

        Args:
            watcher: Called with each update, on the background thread.
        """
        _ = self.last_update
        with self._lock:
            self._watchers.append(watcher)
            latest = self._update
        watcher(latest)

    def _publish(self, update: JobUpdate) -> None:
        with self._lock:
            if self._update.is_final and not update.is_final:  # the answer came after `detach`
                update = replace(self._update, record=update.record)
            self._update = update
            watchers = list(self._watchers)
        for watcher in watchers:
            # A watcher that fails to draw must not end the job.
            with suppress(Exception):
                watcher(update)
        if update.is_final and not self._future.done():
            self._set_future(update)

    def _set_future(self, update: JobUpdate) -> None:
        if update.error is not None:
            self._future.set_exception(update.error)
        else:
            self._future.set_result(update.result)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the id, what is known of the job, and its session's settings, without the key.

        Waits for the answer to a request on its way: a `Pool` may end this process afterwards.
        """
        end = time.monotonic() + _MAX_PICKLING_S
        while self.is_submitting and time.monotonic() < end:
            time.sleep(_INTERVAL_S)
        return _restore, (type(self), self._update, self.note, self._adopt)


def _restore(
    job_class: Any, update: JobUpdate, note: str, adopt: Callable[[Any], None] | None
) -> JobUpdates:
    """Return an unpickled job; its session is opened when the job is used."""
    job: JobUpdates = job_class(update.record, BackgroundLoop(), adopt=adopt)
    job.note = note
    job.restore(update)
    return job
