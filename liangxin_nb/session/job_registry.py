"""The jobs that a session follows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..core.job_record import JobRecord, JobUpdate
from ..engine.background_loop import BackgroundLoop
from .exit import note_unsent
from .job import Collect, Job, Submit

__all__ = ["JobRegistry"]


class JobRegistry:
    """Starts jobs on the background loop, and forgets each when nothing of it is on its way."""

    def __init__(
        self,
        loop: BackgroundLoop,
        reload: Callable[[str], JobRecord | None],
        adopt: Callable[[Any], None],
    ) -> None:
        """Start without jobs.

        Args:
            loop: The background loop.
            reload: Reads a record from the ledger by its id.
            adopt: Follows a job from the process that calls it; can be pickled.
        """
        self._loop = loop
        self._reload, self._adopt = reload, adopt
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._jobs: dict[str, Job] = {}

    def start(
        self, record: JobRecord, submit: Submit | None, collect: Collect, *, reused: bool = False
    ) -> Job:
        """Start a job; without `submit` its task is only collected."""
        return self._start(
            Job(record, self._loop, reused=reused, reload=self._reload, adopt=self._adopt),
            submit,
            collect,
        )

    def start_again(self, job: Job, collect: Collect) -> Job:
        """Follow a job that was started in another process."""
        job.set_session(self._loop, self._reload)
        return self._start(job, None, collect)

    def _start(self, job: Job, submit: Submit | None, collect: Collect) -> Job:
        job_id = job.last_update.record.id
        try:
            with self._lock:
                self._jobs[job_id] = job
            job.watch(note_unsent)
            job.watch(lambda update: self._forget_when_settled(job, update))
            return job.start(submit, collect)
        except Exception:
            with self._lock:
                self._jobs.pop(job_id, None)
            raise

    def get(self, record: JobRecord) -> Job | None:
        """Return the job that follows a record, if there is one."""
        return self._jobs.get(record.id)

    def active(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return [job for job in self.unsettled() if not job.last_update.is_final]

    def unsettled(self) -> list[Job]:
        """Return the jobs that have not ended, and those that are detached and being sent."""
        with self._lock:
            return list(self._jobs.values())

    def _forget_when_settled(self, job: Job, update: JobUpdate) -> None:
        if update.is_final and not job.is_submitting:
            with self._lock:
                self._jobs.pop(job.record.id, None)
