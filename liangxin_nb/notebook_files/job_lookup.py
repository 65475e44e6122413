"""Look up jobs in ledgers that other processes own, and return their durable outputs.

Nothing is written except a missing thumbnail. A result gets into a notebook only if the ids of the
output are those of a record: a job id has 48 random bits, and so a notebook that somebody else has
written cannot name a job without having seen it. The task id must be the same, too, unless the
output was shown before the service had answered. A job that was collected on another machine has
another job id there; then the task id alone decides, which the service makes and nobody can guess.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from ..cell_outputs import CellOutput, job_output
from ..cell_outputs.running_output import running_output
from ..config.schema import SETTINGS
from ..core.job_record import RESUMABLE, JobPhase, JobRecord, JobStatus, JobUpdate
from ..core.recorded_update import INTERRUPTED, update_from_record
from ..errors import LedgerError, ResultUnavailableError, WaitTimeoutError
from ..ledger.read_only import StoredJobs, read_jobs
from ..results import Result, find_folder, load_result
from .healing import Found, OutputKey
from .registry import Registration, digest, is_digest

__all__ = ["Style", "look_up"]

Style = Literal["figure", "image"]


def look_up(
    keys: Sequence[OutputKey],
    sources: Iterable[Registration],
    *,
    start: Path | None,
    style: Style | None = None,
    timeout_s: float = 5.0,
    problems: list[LedgerError] | None = None,
) -> Iterator[tuple[OutputKey, Found]]:
    """Yield the durable form of each output whose job or batch is found.

    Args:
        keys: What the outputs show.
        sources: Where to look, in this order.
        start: The folder of the notebook.
        style: The form of outputs; default: as each source says.
        timeout_s: Seconds to wait for a ledger.
        problems: Collects the errors of ledgers that cannot be read; default: they are ignored.
    """
    remaining, done = list(keys), set()
    for source in sources:
        location = _location(source)
        if not remaining or location in done:
            continue
        done.add(location)
        try:
            stored = _read(location, remaining, timeout_s)
        except LedgerError as error:
            if problems is not None:
                problems.append(error)
            continue
        results = Path(source.results)
        by_task = {record.task_id: record for record in stored.jobs.values()}
        looked_up, remaining = remaining, []
        for key in looked_up:
            record = _match(key, stored, by_task)
            if record is None:
                remaining.append(key)
            else:
                is_followed = _is_followed(results, record.owner)
                update = _update(record, results, is_followed=is_followed)
                output = _output(update, start, style or source.output)
                yield key, Found(output, is_live=is_followed and not update.is_final)


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


def _update(record: JobRecord, results: Path, *, is_followed: bool) -> JobUpdate:
    """Return where a job stands; one that no process follows any more is at its end."""
    if record.status == JobStatus.SUBMITTING:
        if is_followed:
            return JobUpdate(record)
        # The next session records the same.
        record = record.replace(status=JobStatus.UNCONFIRMED, reason=INTERRUPTED)
    update = update_from_record(partial(_load, results), record)
    if record.status in RESUMABLE and not is_followed:
        error = WaitTimeoutError(
            "No kernel follows this task any more; it may be billed.",
            task_id=record.task_id,
            next_step=f"Collect it with %liangxin resume {record.task_id}",
        )
        return replace(update, phase=JobPhase.DETACHED, error=error)
    return update


def _output(update: JobUpdate, start: Path | None, style: Style) -> CellOutput:
    if update.is_final:
        return job_output(update, style=style, start=start)
    return running_output(update)


def _load(results: Path, record: JobRecord) -> Result:
    """Return a saved result; no file outside of its folder is read."""
    if find_folder(results, record.folder) is None:
        raise ResultUnavailableError(f"The folder {record.folder!r} is not in {str(results)!r}.")
    result = load_result(results, record.folder)
    is_same = result.metadata.job_id in ("", record.id)
    if not is_same or any(path.is_symlink() for path in result.paths):
        raise ResultUnavailableError(f"The folder {record.folder!r} holds another result.")
    return result


def _is_followed(results: Path, owner: str) -> bool:
    """Return whether a process of this machine follows a job; without taking its lock."""
    if not owner or not (results / ".owners" / f"{Path(owner).name}.lock").exists():
        return False
    pid = owner.partition("-")[0]
    if os.name != "posix" or not pid.isdecimal():
        return True
    with suppress(PermissionError):
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
