"""The jobs that a session follows now."""

from __future__ import annotations

import threading

from ..core.job_record import JobRecord, JobUpdate
from ..engine.background_loop import BackgroundLoop
from .job import Collect, Job, Submit

__all__ = ["JobRegistry"]


class JobRegistry:
    """Starts jobs on the private loop and forgets each when it is over."""

    def __init__(self, loop: BackgroundLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(
        self, record: JobRecord, send: Submit | None, collect: Collect, *, reused: bool = False
    ) -> Job:
        """A job that runs; without `send` its task is only collected."""
        job = Job(record, self._loop, reused=reused)
        with self._lock:
            self._jobs[record.id] = job
        job.watch(self._forget_when_final)
        return job.start(send, collect)

    def get(self, record: JobRecord) -> Job | None:
        """The job that follows the job record now."""
        return self._jobs.get(record.id)

    def active(self) -> list[Job]:
        """All that are not over."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.last_update.is_final]

    def _forget_when_final(self, update: JobUpdate) -> None:
        if update.is_final:
            with self._lock:
                self._jobs.pop(update.record.id, None)
