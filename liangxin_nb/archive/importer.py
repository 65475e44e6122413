"""Imports an archive: its job records, results and notebooks, next to the existing ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from ..core.job_record import JobRecord
from ..errors import InvalidRequestError, ResultUnavailableError
from ..ledger import BatchRecord, Ledger, TransferRow, import_batches, import_rows
from ..results import ResultStore, metadata_file
from .format import NOTEBOOKS, ImportReport
from .import_item import import_notebook, import_result
from .reader import ZIP_ERRORS, ArchiveReader

__all__ = ["import_zip"]


def import_zip(
    path: Path, ledger: Ledger, results: ResultStore, notebook_folder: Path | None
) -> ImportReport:
    """Import everything that does not exist here yet.

    Args:
        path: The zip file.
        ledger: The ledger to add job records to.
        results: The store to add results to.
        notebook_folder: The folder to add notebooks to; None to import none.

    Returns:
        What was imported, and what was left out and why.

    Raises:
        InvalidRequestError: If the file is not a valid archive. Nothing has been changed.
    """
    try:
        with ZipFile(path.expanduser()) as zip_file:
            archive = ArchiveReader(zip_file, results.root)
            lines = list(archive.ledger_rows())
            rows = [line for line in lines if isinstance(line, TransferRow)]
            report = _import_rows(archive, rows, ledger, results, notebook_folder)
            import_batches(ledger, [line for line in lines if isinstance(line, BatchRecord)])
            return report
    except (*ZIP_ERRORS, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequestError(
            f"{str(path)!r} is not a valid archive of liangxin_nb ({reason}); nothing was changed.",
            next_step="Use a zip that %liangxin export or lx.export_archive() wrote.",
        ) from None


def _import_rows(
    archive: ArchiveReader,
    rows: list[TransferRow],
    ledger: Ledger,
    results: ResultStore,
    notebook_folder: Path | None,
) -> ImportReport:
    existing = {record.id: record for record in ledger.list_jobs(limit=None)}
    left_out: list[str] = []
    imported = [
        _import_files(archive, row, existing.get(row.job.id), results, left_out) for row in rows
    ]
    outcomes = Counter(import_rows(ledger, [row for row, _ in imported]))
    notebooks = _import_notebooks(archive, notebook_folder, left_out) if notebook_folder else ()
    ids = {row.job.id for row in rows}
    return ImportReport(
        jobs=outcomes["new"],
        already_here=outcomes["known"] + outcomes["finished"],
        results=sum(is_new for _, is_new in imported),
        unfinished=sum(record.id in ids for record in ledger.resumable()),
        notebooks=tuple(notebooks),
        left_out=tuple(left_out),
    )


def _import_files(
    archive: ArchiveReader,
    row: TransferRow,
    existing: JobRecord | None,
    results: ResultStore,
    left_out: list[str],
) -> tuple[TransferRow, bool]:
    """Import the files of a row; return the row with their folder, and whether they are new."""
    saved_here = existing if existing is not None and existing.status == "saved" else None
    if row.job.status != "saved" or (
        saved_here is not None and metadata_file(results.root / saved_here.folder).is_file()
    ):
        return row, False
    folder = saved_here.folder if saved_here is not None else row.job.folder
    try:
        return import_result(archive, row, results, folder)
    except ResultUnavailableError as error:
        left_out.append(f"{row.job.folder[:80]}: {error.message}")
        # No result has this name: the files count as removed, and the service may have them.
        return row.with_folder(f"gone/{row.job.id}", ()), False


def _import_notebooks(archive: ArchiveReader, folder: Path, left_out: list[str]) -> Iterator[Path]:
    for name in sorted(archive.files):
        if not name.startswith(f"{NOTEBOOKS}/") or name.endswith("/"):
            continue
        try:
            if (path := import_notebook(archive, name, folder)) is not None:
                yield path
        except ResultUnavailableError as error:
            left_out.append(f"{name[:80]!r}: {error.message}")
