"""The shelf of everything that was ever made, as a gallery asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..archive import export_session
from ..catalog import find_model, load_models
from ..catalog.codegen import to_cell_source, to_source
from ..core.job_record import JobRecord
from ..core.request import Request
from ..errors import InvalidRequestError
from ..imaging import grid, thumbnail
from ..ledger import JobWithFiles, Query
from ..ledger.queries import batches, count, get_many, models, page
from ..results import Result
from .embedded import EmbeddedMetadata, read_embedded
from .entry import LibraryEntry
from .thumbnails import ThumbnailCache

if TYPE_CHECKING:
    from ..session import Session

__all__ = ["Library"]

_EXCERPT_BYTES = 600  # bytes of a text that are read for its tile


class Library:
    """What the gallery asks: small answers, each from the ledger or from small files."""

    def __init__(self, session: Session) -> None:
        self._session, self._profile = session, session.settings.profile
        self._ledger, self._results = session.ledger, session.results
        self._thumbnails = ThumbnailCache(session.results.root)

    # ---- what there is

    def page(self, filter: Query, *, first: int = 0, limit: int = 24) -> list[LibraryEntry]:
        """At most `limit` entries from the one numbered `first` (from 0) on."""
        return [*map(self._entry, page(self._ledger, filter, first=first, limit=limit))]

    def count(self, filter: Query) -> int:
        """How many entries all the pages hold together."""
        return count(self._ledger, filter)

    def entries(self, ids: Sequence[str]) -> list[LibraryEntry]:
        """The entries of these job records, in this order; an unknown id is passed over."""
        return [*map(self._entry, get_many(self._ledger, ids))]

    def models(self) -> dict[str, int]:
        """Every model that was asked, and how often."""
        return models(self._ledger)

    def batches(self) -> list[tuple[str, float, int]]:
        """The newest batches: id, when it began in unix seconds, how many job records."""
        return batches(self._ledger)

    def _entry(self, row: JobWithFiles) -> LibraryEntry:
        folder = row.record.folder
        return LibraryEntry(row, self._results.resolve(folder) if folder else None)

    # ---- what it looks like

    def cached_thumbnail(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """The thumbnail of its nth picture, empty when it has to be made first."""
        return self._thumbnails.cached(entry, n)

    def thumbnail(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """The thumbnail of its nth picture, made from the original where there is none yet."""
        return self._thumbnails.make(entry, n)

    def preview(self, entry: LibraryEntry, n: int = 1) -> bytes:
        """Its nth picture with at most 1024 pixels a side; empty when it cannot be read."""
        path = entry.path(entry.pictures[n - 1]) if n <= len(entry.pictures) else None
        try:
            return thumbnail(path.read_bytes(), max_bytes=180_000) if path else b""
        except Exception:  # Pillow's decoders raise many kinds for broken data
            return b""

    def contact_sheet(self, entries: Sequence[LibraryEntry]) -> bytes:
        """The entries' thumbnails side by side as one JPEG for the notebook; empty without any."""
        small = [data for entry in entries if (data := self.thumbnail(entry))]
        return grid(small) if small else b""

    def text_excerpt(self, entry: LibraryEntry) -> str:
        """The first words of a kept text; empty for any other kind."""
        path = entry.path(entry.files[0]) if entry.kind == "text" else None
        if path is None:
            return ""
        with suppress(OSError), path.open("rb") as file:
            return file.read(_EXCERPT_BYTES).decode("utf-8", "ignore")
        return ""

    def result(self, entry: LibraryEntry) -> Result:
        """What is kept of it.

        Raises `InvalidRequestError` or `ResultUnavailableError` when nothing is.
        """
        return self._session.result(entry.record)

    def links(self, entry: LibraryEntry) -> list[tuple[str, str]]:
        """Name and address of each of its files, as the notebook beside them finds them."""
        paths = [(file.name, entry.path(file)) for file in entry.files]
        return [(name, notebook_link(path)) for name, path in paths if path is not None]

    # ---- how it was made

    def to_source(self, request: Request, profile: str = "") -> str:
        """The cell that asks for the same again, or a line of Python where no cell can say it."""
        return to_source(find_model(profile or self._profile, request.model), request)

    def reference(self, entry: LibraryEntry) -> tuple[Path, str]:
        """Its first picture's file, and a cell that sends it along with a new prompt.

        Raises `InvalidRequestError` when there is no picture on this disk.
        """
        path = entry.path(entry.pictures[0]) if entry.pictures else None
        if path is None:
            raise InvalidRequestError(
                "There is no picture of it on this disk.", next_step="Choose a kept picture."
            )
        place = Path(os.path.relpath(path)).as_posix()
        able = next(m for m in load_models(self._profile).values() if "image" in m.common_options)
        return path, to_cell_source(able, Request(able.id, "What to make of this picture"), [place])

    def read_metadata(self, data: bytes) -> EmbeddedMetadata:
        """What a file of anybody's tells of itself; never raises."""
        return read_embedded(data)

    # ---- what is done with it

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
                next_step="Choose results that are kept.",
            )
        folder = self._results.root / "exports"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InvalidRequestError(f"The export cannot be written ({error.strerror}).") from None
        report = export_session(self._session, folder, notebooks=False, job_ids=saved)
        return report.path, report.results

    def delete(self, id: str) -> JobRecord:
        """Deletes a result's files and thumbnails; the ledger keeps the fact and the prompt.

        Raises `InvalidRequestError` when nothing is kept of it.
        """
        record = self._session.get_record(id)
        if record.status != "saved":
            raise InvalidRequestError(f"Nothing is kept of {record.id}: it is {record.status}.")
        today = f"{datetime.now().astimezone():%Y-%m-%d}"
        reason = f"Its files were deleted on purpose on {today}."
        with self._results.deletion(record.folder):
            gone = {"status": "deleted", "folder": "", "reason": reason}
            record = self._ledger.update(record, "deleted", record.folder, **gone)
        self._thumbnails.forget(record.id)
        return record


def notebook_link(path: Path) -> str:
    """A file's address relative to the notebook, with every strange letter written safely."""
    return quote(Path(os.path.relpath(path)).as_posix())
