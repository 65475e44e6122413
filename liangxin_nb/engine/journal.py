"""The side journal: task ids that the ledger could not take, until it can.

The service's answer names a task that may be billed. If the ledger is locked, its disk is full or
its folder is gone at that moment, the job is appended to a file that is synced at once: in the
results folder, else in the user's runtime folder, else in the temporary folder. The ledger is
tried again while the job continues. Sessions read the journal when they start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.private_files import create_folder, default_folder, is_own_file, private_opener
from ..core.job_record import JobPhase, JobRecord, JobUpdate
from ..errors import LedgerError
from ..ledger import Ledger, TransferRow, parse_line, record_submitted
from .ledger_writer import BUSY

__all__ = ["Journal", "SubmissionRecorder"]

_JOURNAL_AFTER_S = 0.5  # a ledger that takes longer may be locked for long: write the id here first
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 15.0
_MAX_BYTES = 64 << 20
_FORMAT = 2


class Journal:
    """An append-only file of submitted jobs, in the first of several folders that can be written.

    Attributes:
        paths: Where the file may be, in the order in which the folders are tried.
    """

    def __init__(self, results: Path, ledger: str) -> None:
        """Choose the paths; nothing is opened.

        Args:
            results: The results folder.
            ledger: The location of the ledger; ledgers do not share files outside of `results`.
        """
        digest = hashlib.sha256(f"{results}\n{ledger}".encode()).hexdigest()[:16]
        name = f"liangxin-journal-{digest}.jsonl"
        self.paths: tuple[Path, ...] = (
            results / ".journal.jsonl",
            default_folder() / name,
            Path(tempfile.gettempdir()) / name,
        )

    def append(self, record: JobRecord) -> Path | None:
        """Append a submitted job; it is on disk when this returns.

        Returns:
            The file, or None if no folder can be written.
        """
        return self._append(TransferRow.from_record(record).to_json())

    def mark_recorded(self, job_id: str) -> None:
        """Note that the ledger has a job."""
        self._append(json.dumps({"recorded": job_id}))

    def rows(self) -> list[TransferRow]:
        """Return every job that was ever appended, each once."""
        return list(self._read()[0].values())

    def merge(self, ledger: Ledger) -> list[JobRecord]:
        """Write the jobs that the ledger does not have yet to the ledger.

        Returns:
            The jobs that were added or changed.

        Raises:
            LedgerError: If the ledger still cannot be written.
        """
        rows, recorded = self._read()
        changed = []
        for job_id, row in rows.items():
            if job_id not in recorded:
                changed += [row.record] if record_submitted(ledger, row.record) else []
                self.mark_recorded(job_id)
        return changed

    def _append(self, line: str) -> Path | None:
        for path in self.paths:
            with suppress(OSError):
                _write_line(path, line)
                return path
        return None

    def _read(self) -> tuple[dict[str, TransferRow], set[str]]:
        rows: dict[str, TransferRow] = {}
        recorded: set[str] = set()
        for line in (line for path in self.paths for line in _read_lines(path)):
            with suppress(
                ValueError, TypeError, RecursionError
            ):  # a line that was cut off, or is not ours
                values = json.loads(line)
                if isinstance(values, dict) and "recorded" in values:
                    recorded.add(str(values["recorded"]))
                elif isinstance(row := parse_line(line, _FORMAT), TransferRow) and row.job.task_id:
                    rows[row.job.id] = row
        return rows, recorded


def _write_line(path: Path, line: str) -> None:
    """Append a line with one write, and sync the file and its folder."""
    create_folder(path.parent)
    # A named pipe of another user would block without O_NONBLOCK.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
    descriptor = private_opener(str(path), flags)
    try:
        if not is_own_file(descriptor):
            raise PermissionError(f"{path} belongs to another user")
        # The line break in front ends a line that an earlier process could not finish.
        data = f"\n{line}\n".encode()
        if os.write(descriptor, data) != len(data):
            raise OSError(f"{path} is full")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a journal; none of a link or of another user's file."""
    with suppress(OSError):
        descriptor = private_opener(str(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if is_own_file(descriptor) and os.fstat(descriptor).st_size <= _MAX_BYTES:
                yield from file.read().split(b"\n")


class SubmissionRecorder:
    """Records task ids in the ledger, or in the journal until the ledger can be written."""

    def __init__(self, ledger: Ledger, journal: Journal) -> None:
        self._ledger = ledger
        self._journal = journal
        self._retries: set[asyncio.Task[None]] = set()

    async def record(
        self, record: JobRecord, task_id: str, publish: Callable[[JobUpdate], None]
    ) -> JobRecord:
        """Record the service's answer; its id is on disk when this returns.

        Args:
            record: The job that was being sent.
            task_id: The id that the answer names.
            publish: Receives an update if the ledger cannot be written now.

        Returns:
            The submitted job.
        """
        submitted = record.replace(status="submitted", task_id=task_id, reason="")
        write = asyncio.to_thread(record_submitted, self._ledger, submitted)
        first = asyncio.create_task(_as_outcome(write))
        done, _ = await asyncio.wait([first], timeout=_JOURNAL_AFTER_S)
        if done and first.result() is None:
            return submitted
        path = self._journal.append(submitted)
        if done or path is None:  # otherwise the first attempt may only take long
            where = f"its id is in {path}" if path else f"keep its id: {task_id}"
            note = f"{BUSY}; task {task_id} continues, {where}."
            publish(JobUpdate(submitted, JobPhase.WAITING, note=note))
        retry = asyncio.create_task(self._retry(first, submitted))
        self._retries.add(retry)
        retry.add_done_callback(self._retries.discard)
        return submitted

    async def _retry(self, first: asyncio.Task[Exception | None], record: JobRecord) -> None:
        """Write the job to the ledger, however long that takes."""
        error, pause = await first, _FIRST_PAUSE_S
        while error is not None:
            if not isinstance(error, LedgerError):
                return  # Python is shutting down; the next session reads the journal
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_S)
            error = await _as_outcome(asyncio.to_thread(record_submitted, self._ledger, record))
        self._journal.mark_recorded(record.id)


async def _as_outcome(work: Any) -> Exception | None:
    try:
        await work
    except Exception as error:
        return error
    return None
