"""An import: the job records, results and notebooks of an export, taken in beside what is here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
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
    path: Path, ledger: Ledger, results: ResultStore, notebooks: Path | None
) -> ImportReport:
    """Takes in what is not here yet; what is here is never overwritten, and a second time is free.

    `notebooks`: the folder for notebooks, None for none. Raises `InvalidRequestError`, with nothing
    changed, when the file is no sound export.
    """
    try:
        with ZipFile(path.expanduser()) as archive:
            parts = ArchiveReader(archive, results.root)
            lines = list(parts.ledger_rows())
            rows = [line for line in lines if isinstance(line, TransferRow)]
            brought = _import_rows(parts, rows, ledger, results, notebooks)
            import_batches(ledger, [line for line in lines if isinstance(line, BatchRecord)])
            return brought
    except (*ZIP_ERRORS, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequestError(
            f"{str(path)!r} is no sound export of liangxin_nb ({reason}); nothing was changed.",
            next_step="Give a zip that %liangxin export or lx.export_archive() has made.",
        ) from None


def _import_rows(
    archive: ArchiveReader,
    rows: list[TransferRow],
    ledger: Ledger,
    results: ResultStore,
    folder: Path | None,
) -> ImportReport:
    here = {record.id: record for record in ledger.list_jobs(limit=None)}
    left: list[str] = []
    arrived = [
        _import_result(archive, row, here.get(row.values["id"]), results, left) for row in rows
    ]
    became = Counter(import_rows(ledger, [row for row, _ in arrived]))
    files = _import_notebooks(archive, folder, left) if folder is not None else ()
    ids = {row.values["id"] for row in rows}
    return ImportReport(
        jobs=became["new"],
        already_here=became["known"] + became["finished"],
        results=sum(new for _, new in arrived),
        unfinished=sum(record.id in ids for record in ledger.resumable()),
        notebooks=tuple(files),
        left_out=tuple(left),
    )


def _import_result(
    archive: ArchiveReader,
    row: TransferRow,
    here: JobRecord | None,
    results: ResultStore,
    left: list[str],
) -> tuple[TransferRow, bool]:
    """The row as it can be taken in, and whether its result came with it just now."""
    held = here is not None and here.status == "saved"
    if row.values["status"] != "saved" or (
        here is not None and held and metadata_file(results.root / here.folder).is_file()
    ):
        return row, False
    folder = str(row.values.get("folder", ""))
    try:
        return import_result(
            archive, row, results, here.folder if here is not None and held else folder
        )
    except ResultUnavailableError as error:
        left.append(f"{folder[:80]}: {error.message}")
        # A name that no result has: it counts as removed, and the service may still have it.
        gone = {**row.values, "folder": f"gone/{row.values['id']}"}
        return replace(row, values=gone, files=()), False


def _import_notebooks(archive: ArchiveReader, folder: Path, left: list[str]) -> Iterator[Path]:
    for name in sorted(archive.files):
        if not name.startswith(f"{NOTEBOOKS}/") or name.endswith("/"):
            continue
        try:
            if (path := import_notebook(archive, name, folder)) is not None:
                yield path
        except ResultUnavailableError as error:
            left.append(f"{name[:80]!r}: {error.message}")
