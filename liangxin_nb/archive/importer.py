"""Imports an archive: its job records, results and notebooks, next to the existing ones.

An archive may come from anyone. It is read twice: first every line is validated, then the rows are
imported in small groups, so that neither memory nor the ledger's lock depends on its size.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..core.foreign_file import file_problem
from ..core.formatting import format_count
from ..errors import InvalidRequestError, ResultUnavailableError
from ..ledger import (
    BatchRecord,
    Ledger,
    TransferRow,
    can_finish,
    export_rows,
    foreign_batches,
    import_batches,
    import_rows,
)
from ..results import ResultStore, metadata_file
from .format import MAX_EVENTS, NOTEBOOKS, ImportReport
from .import_item import import_notebook, import_result
from .reader import ArchiveReader, open_archive

__all__ = ["import_zip"]

_GROUP_ROWS, _GROUP_CHARACTERS = 200, 4 << 20
#: Limits of an archive of another person; each unfinished job could be polled with the user's key.
_MAX_FOREIGN = {"job": 30_000, "event": 400_000, "unfinished job": 200}
_MAX_FOREIGN_BYTES, _MAX_BYTES = 128 << 20, 1 << 30  # of the ledger


def import_zip(
    path: Path, ledger: Ledger, results: ResultStore, notebook_folder: Path | None, *, trust: bool
) -> ImportReport:
    """Import everything that does not exist here yet.

    Args:
        path: The zip file.
        ledger: The ledger to add job records to.
        results: The store to add results to.
        notebook_folder: The folder to add notebooks to; None to import none.
        trust: Whether the archive is the user's own: then its results are reused.

    Returns:
        What was imported, and what was left out and why.

    Raises:
        InvalidRequestError: If the file is not a valid archive. Nothing has been changed. Or if
            the results folder cannot be written: what was imported before stays.
    """
    try:
        with open_archive(path, results.root, trust=trust) as archive:
            importer = _Importer(archive, ledger, results, trust=trust)
            importer.check()
            return importer.run(notebook_folder)
    except InvalidRequestError:
        raise
    except ValueError as error:
        raise InvalidRequestError(
            f"{str(path)!r} is not a valid archive of liangxin_nb ({error}); nothing was changed.",
            next_step="Use a zip that %liangxin export or lx.export_archive() wrote.",
        ) from None
    except OSError as error:
        raise InvalidRequestError(
            f"The import of {str(path)!r} stopped: {str(results.root)!r} cannot be written "
            f"({file_problem(error)}). What was imported before stays.",
            next_step="Free space or make the folder writable, then import again.",
        ) from None


class _Importer:
    """Imports one open archive."""

    def __init__(
        self, archive: ArchiveReader, ledger: Ledger, results: ResultStore, *, trust: bool
    ) -> None:
        self._archive, self._ledger, self._results = archive, ledger, results
        self._trust = trust
        self._foreign_batches = set() if trust else foreign_batches(ledger)
        self._left_out: list[str] = []
        self._counts: Counter[str] = Counter()

    def check(self) -> None:
        """Validate every line of the ledger.

        Raises:
            ValueError: If a line is invalid, or two jobs have one id or one folder.
            InvalidRequestError: If it has more jobs than an archive of another person may have.
        """
        names: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for row in self._rows():
            if isinstance(row, BatchRecord):
                continue
            counts.update(job=1, event=len(row.events))
            counts["unfinished job"] += row.record.is_collectable
            self._check_counts(counts)
            names[row.job.id] += 1
            names[f"/{row.job.folder}"] += row.job.status == "saved"
        if max(names.values(), default=0) > 1:  # each would import the same files
            raise ValueError(f"two jobs have the same id or folder: {names.most_common(1)[0][0]}")

    def _check_counts(self, counts: Counter[str]) -> None:
        for name, max_count in _MAX_FOREIGN.items():
            if counts[name] > max_count and not self._trust:
                raise InvalidRequestError(
                    f"The archive has more than {format_count(max_count, name)}; nothing was "
                    "changed.",
                    next_step="If it is your own: %liangxin import --trust FILE.zip, or "
                    "lx.import_archive(path, trust=True).",
                )

    def _rows(self) -> Iterator[TransferRow | BatchRecord]:
        if self._trust:
            return self._archive.ledger_rows(_MAX_BYTES, math.inf)
        return self._archive.ledger_rows(_MAX_FOREIGN_BYTES, MAX_EVENTS)

    def run(self, notebook_folder: Path | None) -> ImportReport:
        """Import everything."""
        for rows in self._groups():
            self._import_group(rows)
        notebooks = tuple(self._import_notebooks(notebook_folder)) if notebook_folder else ()
        return ImportReport(
            jobs=self._counts["new"],
            already_here=self._counts["known"] + self._counts["finished"],
            results=self._counts["results"],
            unfinished=self._counts["unfinished"],
            notebooks=notebooks,
            left_out=tuple(self._left_out),
        )

    def _groups(self) -> Iterator[list[TransferRow]]:
        """Yield the jobs in groups of limited size; batches are imported at once."""
        rows: list[TransferRow] = []
        size = 0
        for row in self._rows():
            if isinstance(row, BatchRecord):
                self._import_batch(row)
                continue
            rows.append(self._with_origin(row))
            size += len(row.job.prompt) + sum(200 + len(event.detail) for event in row.events)
            if len(rows) == _GROUP_ROWS or size > _GROUP_CHARACTERS:
                yield rows
                rows, size = [], 0
        yield rows

    def _import_batch(self, batch: BatchRecord) -> None:
        if not self._trust:  # the key lets a cell continue the batch in place of a new one
            plan = {name: value for name, value in batch.plan.items() if name != "key"}
            batch = replace(batch, plan=plan)
        import_batches(self._ledger, [batch])

    def _with_origin(self, row: TransferRow) -> TransferRow:
        """Return the row as this ledger records it: nothing that it claims is believed."""
        request = row.record.request
        own = self._trust and row.job.origin != "imported"
        # The digest of reference pictures is known to the exporting ledger only.
        digest = row.job.digest if own and not request.is_complete else request.digest
        batch_id = "" if row.job.batch_id in self._foreign_batches else row.job.batch_id
        folder = row.job.folder if row.job.status == "saved" else ""
        origin = "trusted" if own else "imported"
        return row.replace(digest=digest, batch_id=batch_id, folder=folder, origin=origin)

    def _import_group(self, rows: list[TransferRow]) -> None:
        known = {row.job.id: row for row in export_rows(self._ledger, [r.job.id for r in rows])}
        rows = [self._import_files(row, known.get(row.job.id)) for row in rows]
        for row, outcome in zip(rows, import_rows(self._ledger, rows), strict=True):
            here = row if outcome == "new" else known.get(row.job.id, row)
            self._counts[outcome] += 1
            self._counts["unfinished"] += outcome != "finished" and here.record.is_resumable

    def _import_files(self, row: TransferRow, existing: TransferRow | None) -> TransferRow:
        """Import the files of a row, if they are missing here; return the row with their folder."""
        if row.job.status != "saved" or not self._lacks_files(row, existing):
            return row
        folder = existing.job.folder if existing is not None else ""
        try:
            row, is_new = import_result(self._archive, row, self._results, folder or row.job.folder)
        except ResultUnavailableError as error:
            self._left_out.append(f"{row.job.folder[:80]}: {error.message}")
            # No result has this name: the files count as removed, and the service may have them.
            return row.replace(files=(), folder=f"gone/{row.job.id}")
        self._counts["results"] += is_new
        return row

    def _lacks_files(self, row: TransferRow, existing: TransferRow | None) -> bool:
        """Return whether the files of a saved row are to be imported.

        For an existing record they must be the same as those that it had.
        """
        if existing is None or can_finish(row, existing):
            return True
        is_same = existing.job.status == "saved" and row.files == existing.files
        return is_same and not metadata_file(self._results.root / existing.job.folder).is_file()

    def _import_notebooks(self, folder: Path) -> Iterator[Path]:
        for name in sorted(self._archive.files):
            if not name.startswith(f"{NOTEBOOKS}/") or name.endswith("/"):
                continue
            try:
                if (path := import_notebook(self._archive, name, folder)) is not None:
                    yield path
            except ResultUnavailableError as error:
                self._left_out.append(f"{name[:80]!r}: {error.message}")
