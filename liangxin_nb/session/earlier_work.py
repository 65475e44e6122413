"""Finds identical work of earlier: saved results, and tasks that run or may exist."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..config.settings import Settings
from ..core.formatting import format_time
from ..core.job_record import RETENTION_S, JobRecord, JobStatus
from ..core.request import Request
from ..engine.ownership import Ownership
from ..ledger import Ledger, find_work
from ..results import Result, ResultStore
from .following import JobFollower
from .job import Job
from .job_registry import JobRegistry
from .resume import TaskResumer

__all__ = ["EarlierWork", "current_cell_id"]

#: A saved result is used before work that still runs, and that before what may exist.
_ORDER = (JobStatus.UNCONFIRMED, JobStatus.PENDING, JobStatus.SUBMITTING, JobStatus.SUBMITTED)


class EarlierWork:
    """Finds work that a request would only repeat, and follows it or returns its result."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        results: ResultStore,
        jobs: JobRegistry,
        ownership: Ownership,
        resumer: TaskResumer,
        follower: JobFollower,
    ) -> None:
        self._service = (settings.profile, settings.base_url)
        self._ledger, self._results = ledger, results
        self._jobs, self._ownership = jobs, ownership
        self._resumer, self._follower = resumer, follower

    def find(self, requests: Sequence[Request]) -> list[JobRecord | None]:
        """Return for each request a record of identical work, each record only once.

        Several requests for the same work get the newest records, the oldest of these first: so a
        cell that runs again shows the same results in the same order.
        """
        found: list[JobRecord | None] = [None] * len(requests)
        used: set[str] = set()
        indices: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            indices.setdefault(request.digest, []).append(index)
        for same in indices.values():
            records = self._newest(requests[same[0]], len(same), used)
            for index, record in zip(same, sorted(records, key=_age), strict=False):
                found[index] = record
                used.add(record.id)
        return found

    def _newest(self, request: Request, count: int, used: set[str]) -> list[JobRecord]:
        """Return at most so many usable records of identical work."""
        records = find_work(self._ledger, request, *self._service)
        if any(r.status == "submitting" and not self._is_followed(r) for r in records):
            self._resumer.reconcile()  # their process has ended
            records = find_work(self._ledger, request, *self._service)
        ranks = {status: rank for rank, status in enumerate(_ORDER)}
        records.sort(key=lambda r: (ranks.get(r.status, len(_ORDER)), _age(r)), reverse=True)
        newest: list[JobRecord] = []
        for record in records:
            if len(newest) == count:
                break
            if record.status == JobStatus.PENDING:  # the ledger has no reference pictures
                record = record.replace(request=request.with_seed_of(record.request))
            if record.id not in used and self._is_usable(record):
                newest.append(record)
        return newest

    def _is_usable(self, record: JobRecord) -> bool:
        if record.status == JobStatus.SAVED:
            return self._results.is_intact(record.folder)
        if record.status == JobStatus.UNCONFIRMED:
            return record.created_at > time.time() - RETENTION_S
        if record.status == JobStatus.PENDING and not self._ownership.owned_elsewhere(record):
            return self._ledger.is_complete(record)  # it is sent as it is, by one job only
        return bool(record.task_id) or self._is_followed(record)

    def _is_followed(self, record: JobRecord) -> bool:
        """Return whether this session or another one that is alive sends or follows a job."""
        return self._jobs.get(record) is not None or self._ownership.owned_elsewhere(record)

    def start(self, record: JobRecord) -> Job:
        """Return a job with the saved result of a record, or one that waits for it."""
        if record.status == JobStatus.SAVED:
            return self._jobs.start(record, None, self._load, reused=True)
        time = format_time(record.created_at)
        if record.status == JobStatus.UNCONFIRMED:
            note = (
                f"The answer to an identical request of {time} was lost: its task may exist and "
                "may be billed, so nothing was sent again. --no-reuse sends it all the same."
            )
        else:
            note = f"Identical work of {time} is still running; nothing was sent again."
        job = self._jobs.get(record)
        if job is None and record.status not in (JobStatus.UNCONFIRMED, JobStatus.SUBMITTING):
            job = self._resumer.take_over(record)
        # Another session has it, or it has changed since it was found.
        job = job or self._jobs.start(record, None, self._follower.follow)
        job.note = note
        return job

    def find_running(self, request: Request, cell_id: str) -> Job | None:
        """Follow what a cell has sent before the kernel was restarted, each job once.

        Args:
            request: The request about to be sent.
            cell_id: The cell; empty outside of notebooks: nothing.
        """
        records = find_work(self._ledger, request, *self._service, cell_id) if cell_id else []
        for record in records:
            # A job of this kernel: the user runs the cell once more.
            if record.is_resumable and not self._ownership.is_alive(record.owner):
                return self.start(record)
        return None

    async def _load(self, record: JobRecord, _: Any) -> Result:
        return await asyncio.to_thread(self._results.load, record.folder)


def _age(record: JobRecord) -> tuple[float, int]:
    return record.created_at, record.batch_index


def current_cell_id() -> str:
    """Return the id of the notebook cell that is running; empty anywhere else.

    JupyterLab and Notebook 7 send it with the code of the cell.
    """
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    with suppress(Exception):  # a terminal has no kernel; other front ends send other metadata
        return str(shell.get_parent()["metadata"].get("cellId") or "")
    return ""
