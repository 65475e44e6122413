"""What a session consists of, in each process that uses it."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any
from weakref import WeakSet

from .._forks import ForkSafeLock, Handle, keep_unused, renew_after_fork
from ..config.settings import Settings
from ..engine import TaskLifecycle
from ..engine.background_loop import BackgroundLoop
from ..engine.callback_reconciler import CallbackReconciler
from ..engine.client_provider import ClientProvider
from ..engine.journal import Journal
from ..engine.ownership import Ownership
from ..errors import InvalidRequestError, LedgerError
from ..ledger import Ledger
from ..notebook_files.key_registry import register_keys
from ..notebook_files.registry import register
from ..polling import Poller, PollSchedule
from ..ratelimit import SharedRateLimiter
from ..results import ResultStore
from .earlier_work import EarlierWork
from .exit import ExitGuard
from .following import JobFollower
from .job import Job
from .job_registry import JobRegistry
from .resume import TaskResumer

__all__ = ["SessionParts", "find_session"]

_sessions: WeakSet[SessionParts] = WeakSet()
#: Opened for jobs that were unpickled, by the settings that came with them.
_opened: dict[tuple[str, ...], SessionParts] = {}
_opening = ForkSafeLock()
#: The settings that a pickled job names; the key is not one of them.
_REFERENCE = ("profile", "base_url", "results", "ledger")
_DIGEST = "sha256:"
_INTERVAL_S = 0.01  # while another thread starts a job


class SessionParts(Handle):
    """Opens ledger and results folder, and joins everything that a session needs.

    A forked child has parts of its own: its loop, connections, rate limits and lease. Jobs of the
    parent are followed by the parent.

    Attributes:
        settings: The settings in use.
        ledger: The ledger of all jobs.
        results: The folder of saved results.
        loop: The background loop that does all network I/O.
    """

    def __init__(self, settings: Settings, schedule: PollSchedule) -> None:
        """Open the ledger and the results folder.

        Args:
            settings: The settings.
            schedule: When to poll.

        Raises:
            InvalidRequestError: If the folder or the ledger cannot be used.
        """
        self.settings: Settings = settings
        self.loop: BackgroundLoop = BackgroundLoop()
        self.results: ResultStore = ResultStore(
            settings.results, group_access=settings.group_access
        )
        self.ledger: Ledger = Ledger(settings.ledger_location)
        self.journal: Journal = Journal(settings.results, self.ledger.location)
        with suppress(LedgerError):  # it is read again by the next resume
            self.journal.merge(self.ledger)
        with suppress(OSError):  # only healing on save needs it
            location = str(self.ledger.path or settings.ledger_location)
            register(location, settings.results, output=settings.output)
        register_keys([settings.key])
        self._schedule = schedule
        self._join()
        _sessions.add(self)
        renew_after_fork(self)

    def _join(self) -> None:
        """Create everything that belongs to one process; nothing is opened or sent."""
        settings, schedule = self.settings, self._schedule
        limiter = SharedRateLimiter(schedule, settings.budget)
        self._connect = ClientProvider(settings, limiter)
        poller = Poller(schedule, limiter)
        self._lifecycle = TaskLifecycle(
            self._connect, self.ledger, self.results, poller, limiter,
            schedule=schedule, patience=settings.patience,
        )  # fmt: skip
        self._reconciler = CallbackReconciler(
            self._lifecycle, self._connect, poller, limiter,
            local=settings.local, patience=settings.patience,
        )  # fmt: skip
        self._jobs = JobRegistry(self.loop, self.ledger.find, partial(_adopt, self.reference))
        self._exit_guard = ExitGuard(self._jobs.unsettled, self._lifecycle.stop_sending)
        self._ownership = Ownership(settings, self.results)
        self._resumer = TaskResumer(
            settings, self.loop, self.ledger, self.results, self._lifecycle, self._reconciler,
            self._jobs, self._ownership,
        )  # fmt: skip
        self._follower = JobFollower(
            self.ledger, self.results, self._ownership, self._reconciler, settings
        )
        self._earlier_work = EarlierWork(
            settings, self.ledger, self.results, self._jobs, self._ownership, self._resumer,
            self._follower,
        )  # fmt: skip

    def after_fork(self) -> None:
        """Give a forked child parts of its own; the parent's are neither used nor closed."""
        keep_unused(dict(vars(self)))
        self._join()

    @property
    def reference(self) -> tuple[str, ...]:
        """The settings by which another process finds this session: no key, no password."""
        settings, ledger = self.settings, self.settings.ledger
        if "://" in ledger:
            ledger = f"{_DIGEST}{hashlib.sha256(ledger.encode()).hexdigest()}"
        return settings.profile, settings.base_url, str(settings.results), ledger

    def adopt(self, job: Job) -> None:
        """Follow a job that another process has started, or take it over if that has ended."""
        self._jobs.start_again(job, self._follower.follow)

    def close(self) -> None:
        """Detach from every job and release the sandbox; unfinished tasks stay in the ledger."""
        _sessions.discard(self)
        for job in self._jobs.unsettled():
            job.detach()
        self._connect.release()
        self._ownership.release()
        self.loop.submit(self._disconnect())
        self.ledger.close()  # at once what no job uses, so that the folder can be deleted

    async def _disconnect(self) -> None:
        """Close the connections when requests that are being sent have been answered."""
        while jobs := self._jobs.unsettled():
            for job in jobs:
                job.detach()  # another thread may have started it meanwhile
                with suppress(Exception):  # the job reports its own error
                    await job.settle()
            await asyncio.sleep(_INTERVAL_S)
        self._exit_guard.release()
        await self._connect.close()
        self.ledger.close()


def _adopt(reference: tuple[str, ...], job: Job) -> None:
    find_session(reference).adopt(job)


def find_session(reference: tuple[str, ...]) -> SessionParts:
    """Return the session of this process with these settings, or open one.

    Args:
        reference: As `SessionParts.reference`.

    Raises:
        InvalidRequestError: If there is none, and the environment has no key for one.
    """
    with _opening:
        for session in [*_opened.values(), *_sessions]:
            if session.reference == reference:
                return session
        values: dict[str, Any] = dict(zip(_REFERENCE, reference, strict=True))
        if values["ledger"].startswith(_DIGEST):
            del values["ledger"]  # its address may hold a password: the environment names it
        session_class: type[SessionParts] = import_module("liangxin_nb").Session
        session = session_class(**values)
        if session.reference != reference:
            raise InvalidRequestError(
                "The ledger of this job is a database that is not set here.",
                next_step="Set LIANGXIN_LEDGER as in the process that started the job.",
            )
        _opened[reference] = session
        return session
