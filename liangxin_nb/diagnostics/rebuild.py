"""Set a damaged ledger aside, and rebuild it from what else is on disk; or complete it.

Sources, of which later ones complete earlier ones: rows of the damaged file that can still be
read, the results with their metadata beside and inside the files, and the side journal.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..config.settings import PROFILES, Settings
from ..core.foreign_file import file_problem
from ..core.job_record import RESUMABLE, JobRecord
from ..core.metadata import ResultMetadata
from ..core.request import Request
from ..engine.journal import Journal
from ..errors import InvalidRequestError, LedgerError, LiangxinError
from ..ledger import (
    FileRow,
    Ledger,
    TransferRow,
    export_rows,
    import_batches,
    import_rows,
    is_healthy,
    record_submitted,
    salvage,
)
from ..results import Trash, read_metadata, read_metadata_file, read_origin

__all__ = ["RebuildReport", "rebuild"]

_SUFFIXES = ("", "-wal", "-shm", "-journal")
_EMBEDDED = (".png", ".jpg", ".jpeg", ".webp")
_UNFINISHED = ("pending", "submitting", *RESUMABLE)


@dataclass(frozen=True)
class RebuildReport:
    """What was done with a ledger; its text is one line.

    Attributes:
        ledger: The path of the ledger.
        aside: Where the damaged file is now; None if the ledger is not damaged.
        jobs: The number of jobs in the new ledger.
        saved: How many of them have a saved result.
        uncollected: How many of them have a task whose result is not saved.
        added: How many jobs a ledger that is not damaged lacked.
    """

    ledger: Path
    aside: Path | None = None
    jobs: int = 0
    saved: int = 0
    uncollected: int = 0
    added: int = 0

    def __str__(self) -> str:
        if self.aside is None:
            change = f"{_count(self.added)} added that it lacked" if self.added else ""
            return (
                f"The ledger {str(self.ledger)!r} is not damaged; "
                f"{change or 'nothing was changed'}."
            )
        return (
            f"The ledger was rebuilt: {_count(self.jobs)}, {self.saved} of them saved, "
            f"{self.uncollected} to collect (%liangxin resume). The damaged file is "
            f"{str(self.aside)!r}."
        )


def _count(jobs: int) -> str:
    return f"{jobs} job{'' if jobs == 1 else 's'}"


def rebuild(settings: Settings) -> RebuildReport:
    """Rebuild the ledger of some settings if it is damaged, else add what it lacks.

    Nothing is deleted.

    Args:
        settings: The settings that name the ledger, the results folder and the service.

    Returns:
        What was done.

    Raises:
        InvalidRequestError: If the ledger is on a database server.
        LedgerError: If the new ledger cannot be written. The damaged one is where it was.
    """
    if "://" in settings.ledger:
        raise InvalidRequestError(
            "The ledger is on a database server, which keeps it safe; nothing was changed.",
            next_step="Restore it with the tools of the server.",
        )
    path = Path(settings.ledger_location)
    if is_healthy(path):
        return RebuildReport(path, added=_complete(path, settings))
    new = path.with_name(f"{path.name}.rebuilding")
    try:
        _remove(new)
        report = _write(new, path, settings)
        aside = _set_aside(path)
        new.rename(path)
    except OSError as error:
        raise LedgerError(
            f"The ledger {str(path)!r} cannot be rebuilt ({file_problem(error)}).",
            next_step="Free its disk or choose a folder you can write to, then try again.",
        ) from None
    return RebuildReport(path, aside, *report)


def _complete(path: Path, settings: Settings) -> int:
    """Add saved results and journal ids that a ledger lacks; return how many jobs changed.

    For example, its WAL was lost, or the file is an older copy.
    """
    with closing(Ledger(path)) as ledger:
        known = {row.job.id: row for row in export_rows(ledger)}
        outcomes = import_rows(ledger, list(_saved_results(settings, known)))
        rows = Journal(settings.results, str(path)).rows()
        submitted = [record_submitted(ledger, row.record) for row in rows]
    return sum(outcome != "known" for outcome in outcomes) + sum(submitted)


def _write(new: Path, damaged: Path, settings: Settings) -> tuple[int, int, int]:
    """Write the new ledger beside the damaged one, and return the counts of the report."""
    salvaged, batches, owners = salvage(damaged)
    rows = {row.job.id: row for row in salvaged}
    for row in _saved_results(settings, rows):
        rows[row.job.id] = row
    with closing(Ledger(new)) as ledger:
        import_batches(ledger, batches)
        import_rows(ledger, rows.values())
        for row in rows.values():
            if row.job.status in _UNFINISHED:  # a running session continues with them
                values = {"status": row.job.status, "reason": row.job.reason}
                ledger.update(row.record, "rebuilt", owner=owners[row.job.id], **values)
        for row in Journal(settings.results, str(damaged)).rows():
            record_submitted(ledger, row.record)
        counts = ledger.count_by_status()
        return sum(counts.values()), counts.get("saved", 0), len(ledger.resumable())


def _saved_results(settings: Settings, known: dict[str, TransferRow]) -> Iterator[TransferRow]:
    """Yield a row for each result folder with readable metadata."""
    for folder in sorted(settings.results.glob("????-??-??/*")):
        if folder.is_symlink() or not folder.is_dir():
            continue
        if (metadata := _read_folder(folder)) is not None:
            with suppress(LiangxinError):  # metadata that no request can have
                yield _to_row(settings, folder, metadata, known)
    for deleted in Trash(settings.results).results():
        metadata = None if deleted.name in known else _read_folder(deleted.folder)
        if metadata is not None:
            with suppress(LiangxinError):
                row = _to_row(settings, deleted.folder, metadata, known)
                reason = f"Deleted; %liangxin restore {row.job.id} brings it back."
                yield row.replace(status="deleted", folder="", reason=reason)


def _read_folder(folder: Path) -> ResultMetadata | None:
    """Return the metadata beside the files, or else the metadata inside one of them."""
    with suppress(ValueError):
        return read_metadata_file(folder)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _EMBEDDED:
            with suppress(LiangxinError):
                if (metadata := read_metadata(path)) is not None:
                    return metadata
    return None


def _to_row(
    settings: Settings, folder: Path, metadata: ResultMetadata, known: dict[str, TransferRow]
) -> TransferRow:
    """Return the row of a saved result; what only the ledger knew comes from its old row."""
    job_id = metadata.job_id
    if not job_id or not set(job_id) <= set("0123456789abcdef") or len(job_id) > 16:
        job_id = hashlib.sha256(f"{metadata.task_id} {folder}".encode()).hexdigest()[:12]
    relative = folder.relative_to(settings.results).as_posix()
    files = tuple(_file_rows(folder, metadata))
    if job_id in known:
        row = known[job_id]
        record = row.record.replace(task_id=row.job.task_id or metadata.task_id)
        if record.status == "deleted":
            return row
    else:
        row = None
        profile = metadata.service if metadata.service in PROFILES else settings.profile
        is_this = profile == settings.profile
        record = JobRecord(
            job_id,
            Request.restore(
                metadata.model, metadata.prompt, metadata.options, seed_drawn=metadata.seed_drawn
            ),
            _unix_time(metadata.created_at, folder),
            profile,
            settings.base_url if is_this else PROFILES[profile],
            task_id=metadata.task_id,
            origin=read_origin(folder),
            parent_ids=metadata.parent_ids,
            change=metadata.change,
            seed_drawn=metadata.seed_drawn,
        )
    record = record.replace(
        status="saved",
        state=record.state or "success",
        folder=relative,
        reason=metadata.describe_missing(),
        duration_s=metadata.duration_s,
        credits=metadata.credits,
    )
    rebuilt = TransferRow.from_record(record)
    job = rebuilt.job if row is None else rebuilt.replace(digest=row.job.digest).job
    return TransferRow(job, () if row is None else row.events, files)


def _file_rows(folder: Path, metadata: ResultMetadata) -> Iterator[FileRow]:
    """Yield the files of a result; their sizes and hashes are read if no metadata has them."""
    listed = {str(file.get("name")): file for file in metadata.files}
    names = listed or {name: {} for name in _result_names(folder)}
    for name, file in names.items():
        path = folder / Path(name).name
        if not path.is_file():
            continue
        digest = file.get("sha256") or _sha256(path)
        size = file.get("bytes") or path.stat().st_size
        yield FileRow(path.name, size, digest, file.get("width"), file.get("height"))


def _result_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.stem.isdecimal())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unix_time(text: str, folder: Path) -> float:
    """Return the time in the metadata, or else that of the folder."""
    with suppress(ValueError, OverflowError, OSError):
        return max(0.0, datetime.fromisoformat(text).timestamp())
    return folder.stat().st_mtime


def _set_aside(path: Path) -> Path:
    """Rename the damaged ledger and its side files to names with the present time."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 0
    while (aside := _aside_name(path, stamp, number)).exists():
        number += 1
    for suffix in reversed(_SUFFIXES):  # a new ledger must not find side files of the old one
        source: Any = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
    return aside


def _aside_name(path: Path, stamp: str, number: int) -> Path:
    return path.with_name(f"{path.name}.damaged-{stamp}{f'-{number}' if number else ''}")


def _remove(path: Path) -> None:
    """Remove a ledger that an earlier, interrupted call had begun."""
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            os.unlink(path.with_name(path.name + suffix))  # noqa: PTH108
