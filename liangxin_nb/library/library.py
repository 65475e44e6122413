"""The library of all jobs and their saved results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..archive import export_session
from ..catalog import find_model, load_models
from ..catalog.codegen import to_cell_source, to_source
from ..cell_outputs import LineageTree
from ..config.private_files import create_subfolder
from ..core.foreign_file import file_problem
from ..core.job_record import JobRecord
from ..core.metadata import ResultMetadata
from ..core.request import Request
from ..errors import InvalidRequestError
from ..imaging import grid, thumbnail
from ..ledger import JobWithFiles, Query
from ..ledger.queries import batch_sizes, count_jobs, count_models, get_many, get_page
from ..ledger.relatives import find_children, find_parents, find_relatives
from ..results import Result, TrashedResult
from ..session.parents import find_job_id
from ..session.references import name_references
from .deleted_results import DeletedResults
from .embedded import EmbeddedMetadata, read_embedded
from .entry import LibraryEntry

if TYPE_CHECKING:
    from ..session import BaseSession

__all__ = ["Library"]

_EXCERPT_BYTES = 600  # of a text, for its tile
_SMALL_SIDE = 96  # pixels


class Library(DeletedResults):
    """Access to the jobs of a session for the gallery: fast queries, and actions on results."""

    def __init__(self, session: BaseSession) -> None:
        super().__init__(session)
        self._session, self._profile = session, session.settings.profile

    # ---- queries

    def page(self, query: Query, *, first: int = 0, limit: int = 24) -> list[LibraryEntry]:
        """Return at most `limit` matching entries, beginning with number `first` (from 0)."""
        return [*map(self._entry, get_page(self._ledger, query, first=first, limit=limit))]

    def count(self, query: Query) -> int:
        """Return how many entries match, on all pages together."""
        return count_jobs(self._ledger, query)

    def entries(self, ids: Sequence[str]) -> list[LibraryEntry]:
        """Return the entries with these job ids, in this order; unknown ids are ignored."""
        return [*map(self._entry, get_many(self._ledger, ids))]

    def models(self) -> dict[str, int]:
        """Return how many jobs each model has, sorted by name."""
        return count_models(self._ledger)

    def batches(self) -> list[tuple[str, float, int]]:
        """Return the newest batches: id, Unix time of the first job, and number of jobs."""
        return batch_sizes(self._ledger)

    def _entry(self, row: JobWithFiles) -> LibraryEntry:
        folder = row.record.folder
        return LibraryEntry(row, self._results.resolve(folder) if folder else None)

    # ---- pictures and files

    def cached_thumbnail(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """Return the thumbnail of picture `n` (from 1); empty if it does not exist yet."""
        files = entry.preview_files
        return self._thumbnails.cached(entry.id, files[n - 1]) if n <= len(files) else b""

    def thumbnail(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """Return the thumbnail of picture `n` (from 1); create it from the original if needed."""
        files = entry.preview_files
        try:
            return self._thumbnails.make(entry.id, files[n - 1]) if n <= len(files) else b""
        except Exception:  # Pillow's decoders raise many types for broken data
            return b""

    def preview(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """Return picture `n` (from 1) with at most 1024 pixels a side; empty if unreadable."""
        path = entry.path(entry.pictures[n - 1]) if n <= len(entry.pictures) else None
        try:
            return thumbnail(path, max_bytes=180_000) if path else b""
        except Exception:  # Pillow's decoders raise many types for broken data
            return b""

    def contact_sheet(self, entries: Sequence[LibraryEntry]) -> bytes:
        """Return the thumbnails of entries side by side as one JPEG; empty without any."""
        thumbnails = [data for entry in entries if (data := self.thumbnail(entry))]
        return grid(thumbnails) if thumbnails else b""

    def text_excerpt(self, entry: LibraryEntry) -> str:
        """Return the beginning of a saved text; empty for any other kind."""
        path = entry.path(entry.files[0]) if entry.kind == "text" else None
        if path is None:
            return ""
        with suppress(OSError), path.open("rb") as file:
            return file.read(_EXCERPT_BYTES).decode("utf-8", "ignore")
        return ""

    def result(self, entry: LibraryEntry) -> Result:
        """Return the saved result of an entry.

        Raises:
            InvalidRequestError: If nothing was saved.
            ResultUnavailableError: If the files are no longer on this disk.
        """
        return self._session.result(entry.record)

    def links(self, entry: LibraryEntry) -> list[tuple[str, str]]:
        """Return the name and the relative URL of each file, for links in the notebook."""
        paths = [(file.name, entry.path(file)) for file in entry.files]
        return [(name, notebook_link(path)) for name, path in paths if path is not None]

    # ---- requests and metadata

    def to_cell(self, record: JobRecord) -> str:
        """Return a cell that makes a job once more, with the files of its references."""
        request = name_references(self._ledger, self._results, record)
        return self.to_source(request, record.profile)

    def to_source(self, request: Request, profile: str = "") -> str:
        """Return a cell that repeats a request, or Python code if no cell can express it."""
        return to_source(find_model(profile or self._profile, request.model), request)

    def reference(self, entry: LibraryEntry) -> tuple[Path, str]:
        """Return the file of the first picture, and a cell that uses it as a reference.

        Raises:
            InvalidRequestError: If the entry has no picture on this disk.
        """
        path = entry.path(entry.pictures[0]) if entry.pictures else None
        if path is None:
            raise InvalidRequestError(
                "There is no picture of it on this disk.", next_step="Choose a saved picture."
            )
        reference = Path(os.path.relpath(path)).as_posix()
        models = load_models(self._profile).values()
        model = next(model for model in models if "image" in model.common_options)
        request = Request(model.id, "What to make of this picture")
        return path, to_cell_source(model, request, [reference])

    def read_metadata(self, data: bytes) -> EmbeddedMetadata:
        """Read the metadata embedded in a file of any origin; never raises."""
        return read_embedded(data)

    def find_job_id(self, metadata: ResultMetadata) -> str:
        """Return the id of the job that made a picture; its task id if it is not of this ledger."""
        return find_job_id(self._ledger, metadata)

    def lineage(self, record: JobRecord) -> LineageTree:
        """Return what a job was made from, and what was made from it."""
        return LineageTree.create(
            record, find_relatives(self._ledger, record), self._small_thumbnail
        )

    def relatives(self, record: JobRecord, limit: int) -> tuple[list[JobRecord], list[JobRecord]]:
        """Return the jobs that a job was made from, and those that were made from it."""
        parents = find_parents(self._ledger, [record], limit)
        return parents, find_children(self._ledger, [record], limit)

    def _small_thumbnail(self, job_id: str) -> bytes:
        pictures = [self.thumbnail(entry) for entry in self.entries([job_id])]
        return thumbnail(pictures[0], side=_SMALL_SIDE) if any(pictures) else b""

    # ---- actions

    def export(self, ids: Sequence[str]) -> tuple[Path, int]:
        """Write an archive of chosen results into the folder `exports` of the results folder.

        Args:
            ids: Job ids; those without files on this disk are left out.

        Returns:
            The zip file, which `lx.import_archive` can read, and how many results it holds.

        Raises:
            InvalidRequestError: If no result has files here, or the zip cannot be written.
        """
        saved = [entry.id for entry in self.entries(ids) if entry.folder is not None]
        if not saved:
            raise InvalidRequestError(
                "None of these has a file on this disk; nothing was written.",
                next_step="Choose saved results.",
            )
        folder = self._results.root / "exports"
        try:
            create_subfolder(folder)
        except OSError as error:
            raise InvalidRequestError(
                f"The export cannot be written ({file_problem(error)})."
            ) from None
        report = export_session(self._session, folder, notebooks=False, job_ids=saved)
        return report.path, report.results

    def trash(self) -> list[tuple[LibraryEntry, TrashedResult]]:
        """Return the deleted results that can be restored, the newest first."""
        deleted = {result.name: result for result in self._results.trash.results()}
        entries = {entry.id: entry for entry in self.entries([*deleted])}
        return [(entries[name], result) for name, result in deleted.items() if name in entries]


def notebook_link(path: Path) -> str:
    """Return the URL of a file relative to the notebook."""
    return quote(Path(os.path.relpath(path)).as_posix())
