"""Look up jobs in ledgers that other processes own, and return their durable outputs.

Nothing is written except a missing thumbnail. A result gets into a notebook only if the ids of the
output are those of a record: a job id has 48 random bits, so a notebook of another user cannot name
a job without having seen it. The task id must be the same, too, unless the output was shown before
the service had answered. A job that was collected on another machine has another job id there; then
the task id alone decides, which the service makes and which cannot be guessed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from ..cell_outputs import batch_output, job_output, summarize_batch
from ..config.schema import SETTINGS
from ..core.foreign_file import open_foreign_file
from ..core.job_record import RESUMABLE, JobPhase, JobRecord, JobStatus, JobUpdate
from ..core.recorded_update import INTERRUPTED, update_from_record
from ..errors import LedgerError, LiangxinError, ResultUnavailableError, WaitTimeoutError
from ..ledger import BatchRecord
from ..ledger.read_only import StoredJobs, read_jobs
from ..results import OutputStyle, Result, find_folder, load_result
from .healing import Found, OutputKey
from .registry import Registration, digest, is_digest

__all__ = ["is_followed", "look_up"]


def look_up(
    keys: Sequence[OutputKey],
    sources: Iterable[Registration],
    *,
    start: Path | None,
    style: OutputStyle | None = None,
    timeout_s: float = 5.0,
    problems: list[LedgerError] | None = None,
) -> Iterator[tuple[OutputKey, Found]]:
    """Yield the durable form of each output of a job or batch that is found.

    Args:
        keys: What the outputs show.
        sources: Where to look, in this order.
        start: The folder of the notebook.
        style: The form of outputs; default: as each source says.
        timeout_s: Seconds to wait for a ledger.
        problems: Collects the errors of ledgers that cannot be read, and of results that cannot
            be shown; default: they are ignored.
    """
    remaining, done = list(keys), set()
    problems = [] if problems is None else problems
    for source in sources:
        location = _location(source)
        if not remaining or location in done:
            continue
        done.add(location)
        try:
            stored = _read(location, remaining, timeout_s)
        except LedgerError as error:
            problems.append(error)
            continue
        results = _Results(Path(source.results), start, style or source.output)
        by_task = {record.task_id: record for record in stored.jobs.values()}
        looked_up, remaining = remaining, []
        for key in looked_up:
            found = None
            try:
                if key.is_batch:
                    found = _find_batch(key, stored, results)
                elif record := _match(key, stored, by_task):
                    found = results.job_output(record, key)
            except Exception as error:  # damaged files of one result must not stop the others
                reason = f"The result of {key.id!r} cannot be shown ({type(error).__name__})."
                problems.append(LedgerError(reason))
            if found is not None:
                yield key, found
            else:
                remaining.append(key)


def _location(source: Registration) -> str:
    """Return the location of a ledger; of a database with a login it is in the environment."""
    configured = os.environ.get(SETTINGS["ledger"].variable, "")
    return configured if digest(configured) == source.ledger else source.ledger


def _read(location: str, keys: Sequence[OutputKey], timeout_s: float) -> StoredJobs:
    if is_digest(location):
        raise LedgerError(
            "The address of a ledger contains a login, which only its kernel knows.",
            next_step="Run %liangxin heal FILE in that kernel, or set LIANGXIN_LEDGER.",
        )
    jobs = [key for key in keys if not key.is_batch]
    return read_jobs(
        location,
        job_ids=[key.id for key in jobs],
        task_ids=[task_id for key in jobs for task_id in key.task_ids],
        batch_ids=[key.id for key in keys if key.is_batch],
        timeout_s=timeout_s,
    )


def _match(
    key: OutputKey, stored: StoredJobs, by_task: Mapping[str, JobRecord]
) -> JobRecord | None:
    """Return the record of the job that an output shows."""
    record = stored.jobs.get(key.id)
    if record is None:
        return by_task.get("".join(key.task_ids) or "no task")
    return record if key.task_ids in ((), (record.task_id,)) else None


def _find_batch(key: OutputKey, stored: StoredJobs, results: _Results) -> Found | None:
    """Return the output of a batch, if it has all the tasks that are named."""
    batch = stored.batches.get(key.id)
    if batch is None:
        return None
    records = stored.jobs_of(batch)
    if not {*key.task_ids} <= {record.task_id for record in records}:
        return None
    with suppress(LiangxinError):  # its plan is damaged
        return results.batch_output(batch, records)
    return None


class _Results:
    """Makes outputs from the files in a results folder.

    Args:
        root: The results folder.
        start: The folder of the notebook.
        style: The form of outputs.
    """

    def __init__(self, root: Path, start: Path | None, style: OutputStyle) -> None:
        self._root, self._start, self._style = root, start, style
        self._is_followed = cache(partial(is_followed, root))

    def job_output(self, record: JobRecord, key: OutputKey) -> Found:
        """Return the output of a job, in its present state."""
        update = self._settle(update_from_record(self._load, record))
        output = job_output(update, style=self._style, start=self._start, reuse=key.is_reusing)
        is_live = not update.is_final and self._is_followed(record.owner)
        return Found(output, is_live, _lacks_files(update))

    def batch_output(self, batch: BatchRecord, records: Sequence[JobRecord]) -> Found:
        """Return the output of a batch, in its present state.

        Raises:
            LiangxinError: If the plan is damaged, or a record is missing.
        """
        summary = summarize_batch(batch.id, batch.name, batch.plan, records, self._load)
        summary = replace(summary, updates=tuple(map(self._settle, summary.updates)))
        is_live = any(
            not update.is_final and self._is_followed(update.record.owner)
            for update in summary.updates
        )
        output = batch_output(summary, style=self._style, start=self._start)
        return Found(output, is_live, any(map(_lacks_files, summary.updates)))

    def _settle(self, update: JobUpdate) -> JobUpdate:
        """Return the end of a job that no process follows any more, as the next session does."""
        record = update.record
        if record.status not in (JobStatus.SUBMITTING, *RESUMABLE):
            return update
        if self._is_followed(record.owner):
            return update if record.status in RESUMABLE else JobUpdate(record)
        if record.status == JobStatus.SUBMITTING:
            lost = record.replace(status=JobStatus.UNCONFIRMED, reason=INTERRUPTED)
            return update_from_record(self._load, lost)
        error = WaitTimeoutError(
            "No kernel follows this task any more; it may be billed.",
            task_id=record.task_id,
            next_step=f"Collect it with %liangxin resume {record.task_id}",
        )
        return replace(update, phase=JobPhase.DETACHED, error=error)

    def _load(self, record: JobRecord) -> Result:
        """Return a saved result; no file outside of its folder is read."""
        if find_folder(self._root, record.folder) is None:
            raise ResultUnavailableError(
                f"The folder {record.folder!r} is not in {str(self._root)!r}."
            )
        result = load_result(self._root, record.folder)
        is_same = result.metadata.job_id in ("", record.id)
        if not is_same or any(path.is_symlink() for path in result.paths):
            raise ResultUnavailableError(f"The folder {record.folder!r} holds another result.")
        return result


def _lacks_files(update: JobUpdate) -> bool:
    """Return whether files of a result that was saved are not on this disk."""
    if isinstance(update.result, Result):
        return not all(path.is_file() for path in update.result.paths)
    return update.record.status in ("saved", "deleted")


def is_followed(results: Path, owner: str) -> bool:
    """Return whether a process follows a job: it holds its lock, also from another container.

    Args:
        results: The results folder.
        owner: The owner of the job.
    """
    path = results / ".owners" / f"{Path(owner).name}.lock"
    if not owner or not path.exists():
        return False
    if sys.platform == "win32":  # a locked file cannot be opened there
        return True
    import fcntl

    try:
        with open_foreign_file(path) as file:
            # Shared, and released at once: other readers do not take it for the lock of a session.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (OSError, ValueError):  # it is held, or belongs to another user
        return True
    return False
