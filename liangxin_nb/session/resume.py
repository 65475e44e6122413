"""Follows jobs that were started earlier, in this process or in another."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.settings import Settings
from ..core.foreign_file import read_foreign_file
from ..core.job_record import JobRecord
from ..core.notebook_file import MAX_NOTEBOOK_BYTES, extract_task_ids
from ..core.request import Request
from ..diagnostics import mark_interrupted
from ..engine import TaskLifecycle
from ..engine.background_loop import BackgroundLoop
from ..engine.callback_reconciler import CallbackReconciler
from ..engine.journal import Journal
from ..engine.ownership import Ownership
from ..errors import InvalidRequestError, LiangxinError
from ..ledger import Ledger
from ..results import Result, ResultStore, metadata_file
from .job import Job
from .job_registry import JobRegistry

__all__ = ["TaskResumer"]

#: A notebook of another person could name any number of tasks.
_MAX_RECOVERED = 1000


class TaskResumer:
    """Follows jobs again: by id, from the ledger, from the service, or from a notebook file."""

    def __init__(
        self,
        settings: Settings,
        loop: BackgroundLoop,
        ledger: Ledger,
        results: ResultStore,
        lifecycle: TaskLifecycle,
        reconciler: CallbackReconciler,
        jobs: JobRegistry,
        ownership: Ownership,
    ) -> None:
        self._settings, self._loop = settings, loop
        self._ledger, self._results = ledger, results
        self._journal = Journal(results.root, ledger.location)
        self._lifecycle, self._reconciler = lifecycle, reconciler
        self._jobs, self._ownership = jobs, ownership
        self._lock = threading.RLock()  # of two threads, one starts the job and one finds it

    def resume(self, job_id: str = "") -> list[Job]:
        """Follow every task of which the service may still have something, or the one of an id.

        Raises:
            InvalidRequestError: If the id has nothing to collect.
        """
        self.reconcile()
        if job_id:
            record = self._confirmed_by(job_id) or self.get_record(job_id)
            return [self.resume_record(record)]
        mine = [
            t
            for t in self._ledger.collectable()
            if self._ownership.is_same_service(t) and not self._ownership.owned_elsewhere(t)
        ]
        return [job for record in mine if (job := self._take_over(record))]

    def get_record(self, job_id: str) -> JobRecord:
        """Return the record of a task id or record id.

        Raises:
            InvalidRequestError: If it is not in the ledger.
        """
        found = self._ledger.find(job_id)
        if found is None:
            raise InvalidRequestError(
                f"{job_id!r} is not in the ledger {self._ledger.location!r}.",
                next_step="%liangxin tasks lists what is.",
            )
        return found

    def attach(self, task_id: str) -> Job:
        """Follow any task of this key.

        A record in the ledger is used if there is one, and a saved result is read from disk.
        """
        known = self._confirmed_by(task_id) or self._ledger.find(task_id)
        if known is not None and known.folder and self._is_saved(known):
            return self._jobs.start(known, None, self._load)
        if known is not None:
            return self.resume_record(known)
        request = Request("unknown", f"(reading {task_id} from the service)")
        fresh = self._ownership.new_record(request)
        return self._jobs.start(
            fresh.replace(task_id=task_id), self._lifecycle.adopt, self._lifecycle.collect
        )

    def recover(self, notebook: str | Path) -> list[Job]:
        """Follow every task with an id in the outputs of a notebook file.

        Raises:
            InvalidRequestError: If the file cannot be read or is not a notebook.
        """
        try:
            data = read_foreign_file(notebook, MAX_NOTEBOOK_BYTES)
        except ValueError as error:
            raise InvalidRequestError(
                f"{str(notebook)!r} cannot be read ({error}).",
                next_step="Give a saved .ipynb: %liangxin recover FILE.ipynb",
            ) from None
        task_ids = extract_task_ids(data, repr(str(notebook)))
        if len(task_ids) > _MAX_RECOVERED:
            raise InvalidRequestError(
                f"{str(notebook)!r} names {len(task_ids)} tasks, more than {_MAX_RECOVERED}; "
                "nothing was collected.",
                next_step="lx.attach(task_id) collects one.",
            )
        return [self.attach(task_id) for task_id in task_ids]

    def take_over(self, record: JobRecord) -> Job | None:
        """Send a pending record, or follow a submitted one.

        Returns:
            The job, or None if another running notebook follows the record.
        """
        return None if self._ownership.owned_elsewhere(record) else self._take_over(record)

    def resume_record(self, record: JobRecord) -> Job:
        """Follow a record, or collect again what the service may still have of it.

        Raises:
            InvalidRequestError: If there is nothing to collect, or another notebook follows it.
        """
        removed = record.status == "deleted" or (
            record.status == "saved" and not self._is_saved(record)
        )
        if not record.task_id or not (record.is_collectable or removed):
            raise InvalidRequestError(
                f"There is nothing to collect for {record.id}: it is {record.status}.",
                next_step=record.reason or f"%liangxin show {record.id} shows it.",
            )
        if not self._ownership.is_same_service(record):
            there = record.service or record.profile
            raise InvalidRequestError(
                f"{record.id} belongs to {there}, this session uses {self._settings.host}.",
                next_step=f"Use the profile {record.profile} and its address, then resume again.",
            )
        job = None if self._ownership.owned_elsewhere(record) else self._take_over(record)
        if job is None:
            raise InvalidRequestError(
                f"{record.task_id} is followed by another notebook, which keeps its result.",
                next_step=f"%liangxin show {record.task_id} shows it when it is done.",
            )
        return job

    def reconcile(self) -> None:
        """Mark interrupted requests, and confirm tasks that callbacks have named meanwhile."""
        self._journal.merge(self._ledger)
        mark_interrupted(self._ledger, self._ownership.is_alive)
        if mine := self._unconfirmed():
            self._loop.submit(self._reconciler.confirm_hints(mine)).result()

    def _unconfirmed(self) -> list[JobRecord]:
        """Return the unconfirmed records that this session may follow."""
        unknown = [
            t
            for t in self._ledger.with_status("unconfirmed")
            if self._ownership.can_take_over(t) and t.origin != "imported"
        ]
        return [record for record in unknown if self._jobs.get(record) is None]

    def _confirmed_by(self, task_id: str) -> JobRecord | None:
        """Return the unconfirmed record that a task id belongs to, if the service confirms it."""
        if self._ledger.find(task_id) is not None:
            return None
        for record in self._unconfirmed():
            with suppress(LiangxinError):
                if found := self._loop.submit(self._reconciler.confirm(record, task_id)).result():
                    return found
        return None

    def _is_saved(self, record: JobRecord) -> bool:
        return metadata_file(self._results.root / record.folder).is_file()

    def _take_over(self, record: JobRecord) -> Job | None:
        """Return the job that follows a record, or start one; None if another was quicker."""
        with self._lock:
            return self._claim(record)

    def _claim(self, record: JobRecord) -> Job | None:
        known = self._jobs.get(record)
        if known is not None and not known.last_update.is_final:
            return known
        mine = self._ledger.claim(record, self._ownership.id)
        if mine is None:
            return None
        if mine.status == "pending":
            return self._jobs.start(
                mine, *self._reconciler.submission_strategy(self._settings.callback)(mine)
            )
        return self._jobs.start(mine, None, self._reconciler.collect_strategy(mine))

    async def _load(self, record: JobRecord, _: Any) -> Result:
        return await asyncio.to_thread(self._results.load, record.folder)
