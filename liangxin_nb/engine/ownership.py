"""Which session follows a job, and whether that session is still alive.

Each session holds a file lock while it is alive; the operating system releases it when the process
ends, however it ends. So the jobs of a session that has ended can be resumed at once, and a task
that another kernel follows is not polled twice.
"""

from __future__ import annotations

import os
import uuid
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from ..config.private_files import create_folder, create_subfolder
from ..config.settings import Settings
from ..core.derivation import NOT_DERIVED, Derivation
from ..core.foreign_file import file_problem
from ..core.job_record import JobRecord
from ..core.request import Request
from ..errors import InvalidRequestError, LedgerError
from ..results import ResultStore

__all__ = ["Lease", "Ownership", "is_alive"]


class Lease:
    """A session's claim to be alive, until `release()` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        create_folder(folder.parent)
        create_subfolder(folder)
        self.id: str = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock = FileLock(folder / f"{self.id}.lock", thread_local=False)
        self._lock.acquire(timeout=0)

    def release(self) -> None:
        """End the lease: other sessions can resume its jobs."""
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def is_alive(folder: Path, owner: str) -> bool:
    """Check whether a session on this machine is alive; remove its lock file if it is not.

    Args:
        folder: The folder of the lock files.
        owner: The id of the session's lease.

    Returns:
        Whether its lease is held.
    """
    path = folder / f"{Path(owner).name}.lock"
    if not owner or not path.exists():
        return False
    # Two probes at once would each find the lock of an ended session held by the other.
    with FileLock(folder / "probe.lock", thread_local=False, poll_interval=0.002):
        lease = FileLock(path, thread_local=False)
        try:
            lease.acquire(timeout=0)
        except Timeout:
            return True
        lease.release()
        path.unlink(missing_ok=True)
    return False


class Ownership:
    """Distinguishes the jobs of this session from others; takes a lease when first needed."""

    def __init__(self, settings: Settings, results: ResultStore) -> None:
        self._service = (settings.profile, settings.base_url)
        self._folder = results.root / ".owners"
        self._is_closed = False

    @cached_property
    def _lease(self) -> Lease:
        try:
            return Lease(self._folder)
        except (OSError, NotImplementedError) as error:
            raise LedgerError(
                f"No file can be locked in {str(self._folder)!r} ({file_problem(error)}); nothing "
                "was sent.",
                next_step="Choose a folder on a local disk: LIANGXIN_RESULTS.",
            ) from None

    @property
    def id(self) -> str:
        """The id of this session, as the owner of job records.

        Raises:
            InvalidRequestError: If the session is closed.
        """
        if self._is_closed:
            raise InvalidRequestError(
                "This session is closed; nothing was sent.",
                next_step="Open another one: lx.Session(…).",
            )
        return self._lease.id

    def new_record(self, request: Request, derivation: Derivation = NOT_DERIVED) -> JobRecord:
        """Return a pending record of this session, with a new id; it is not in the ledger yet."""
        record = JobRecord.new(request, *self._service, self.id)
        return record.replace(parent_ids=derivation.parent_ids, change=derivation.change)

    def is_alive(self, owner: str) -> bool:
        """Return whether an owner is alive, in this process or another one."""
        try:
            return self._is_own(owner) or is_alive(self._folder, owner)
        except OSError:  # its files belong to another user
            return True

    def owned_elsewhere(self, record: JobRecord) -> bool:
        """Return whether another live session follows a job."""
        return not self._is_own(record.owner) and self.is_alive(record.owner)

    def _is_own(self, owner: str) -> bool:
        lease = self.__dict__.get("_lease")  # the question itself takes no lease
        return lease is not None and owner == lease.id

    def is_same_service(self, record: JobRecord) -> bool:
        """Return whether a job belongs to the service in use."""
        return (record.profile, record.service) == self._service

    def can_take_over(self, record: JobRecord) -> bool:
        """Return whether this session may follow a job."""
        return self.is_same_service(record) and not self.owned_elsewhere(record)

    def release(self) -> None:
        """End the lease, if there is one, and take no other."""
        self._is_closed = True
        if "_lease" in self.__dict__:
            self._lease.release()
