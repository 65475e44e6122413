"""Deleting results, bringing them back, and emptying the trash."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from ..core.foreign_file import file_problem
from ..core.job_record import JobRecord
from ..errors import InvalidRequestError, LiangxinError
from ..results import TRASH_DAYS, ThumbnailCache
from .entry import LibraryEntry

if TYPE_CHECKING:
    from ..session import BaseSession

__all__ = ["DeletedResults"]


class DeletedResults:
    """The files of deleted results; their records stay in the ledger."""

    def __init__(self, session: BaseSession) -> None:
        self._ledger, self._results = session.ledger, session.results
        self._get_record = session.get_record
        self._thumbnails = ThumbnailCache(session.results.root)

    def delete(self, job_id: str) -> JobRecord:
        """Move the files of a result to the trash; its record stays in the ledger.

        Returns:
            The changed record.

        Raises:
            InvalidRequestError: If nothing was saved, or the files cannot be moved.
        """
        record = self._get_record(job_id)
        if record.status != "saved":
            raise InvalidRequestError(f"{record.id} has no saved result: it is {record.status}.")
        path = self._results.resolve(record.folder)
        today = f"{datetime.now().astimezone():%Y-%m-%d}"
        condition = "" if path else ", once its files are on this disk again"
        step = f"%liangxin restore {record.id} brings it back{condition}"
        changes = {"status": "deleted", "folder": "", "reason": f"Deleted on {today}; {step}."}
        try:
            with self._results.trash.adding(record.id, path) if path else nullcontext():
                return self._ledger.update(record, "deleted", record.folder, **changes)
        except OSError as error:
            raise InvalidRequestError(
                f"{record.id} cannot be moved to the trash ({file_problem(error)})."
            ) from None

    def can_restore(self, entry: LibraryEntry) -> bool:
        """Return whether the files of an entry are in the trash."""
        is_gone = entry.folder is None and entry.record.status in ("saved", "deleted")
        return is_gone and bool(self._results.trash.find(entry.id) or self._left(entry.record))

    def restore(self, job_id: str) -> JobRecord:
        """Move the files of a deleted result back.

        Returns:
            The changed record.

        Raises:
            InvalidRequestError: If they are not in the trash.
        """
        record = self._get_record(job_id)
        deleted = self._results.trash.find(record.id)
        if deleted is None and (left := self._left(record)):
            return self._mark_restored(record, left)
        is_here = record.status == "saved" and self._results.resolve(record.folder) is not None
        if is_here or deleted is None:
            where = "in its folder" if is_here else "no longer in the trash"
            step = "" if is_here else f"%liangxin resume {record.id} asks the service for it again."
            raise InvalidRequestError(f"The result of {record.id} is {where}.", next_step=step)
        try:
            with self._results.trash.restoring(deleted) as folder:
                return self._mark_restored(record, folder)
        except OSError as error:
            raise InvalidRequestError(
                f"{record.id} cannot be restored ({file_problem(error)})."
            ) from None

    def _mark_restored(self, record: JobRecord, folder: str) -> JobRecord:
        reason = self._results.load(folder).metadata.describe_missing()
        changes = {"status": "saved", "folder": folder, "reason": reason}
        return self._ledger.update(record, "restored", folder, **changes)

    def _left(self, record: JobRecord) -> str:
        """Return the folder of a deleted result that is where it was; empty if there is none.

        It is there if its disk was not mounted when it was deleted, or if a process ended while it
        was restored.
        """
        if record.status != "deleted":
            return ""
        events = self._ledger.events(record.id)
        folder = next((detail for _, event, detail in events[::-1] if event == "deleted"), "")
        with suppress(LiangxinError):
            is_here = self._results.resolve(folder) is not None  # a shared ledger is not trusted
            if is_here and self._results.load(folder).metadata.job_id == record.id:
                return folder
        return ""

    def remove_expired(self) -> None:
        """Remove from the disk what was deleted `TRASH_DAYS` ago."""
        self.empty_trash(TRASH_DAYS)

    def empty_trash(self, days: float = 0) -> int:
        """Remove from the disk what was deleted at least this many days ago.

        A result that the ledger does not call deleted stays if its only copy is in the trash: a
        process ended while it was deleted.

        Returns:
            How many results were removed.
        """
        removed = 0
        for result in self._results.trash.expired(days):
            record = self._ledger.find(result.name)
            is_saved = record is not None and record.status == "saved"
            if record is not None and is_saved and not self._results.resolve(record.folder):
                continue
            self._results.trash.remove(result)
            self._thumbnails.remove(result.name)
            removed += 1
            if record is not None and record.status == "deleted":
                reason = record.reason.partition(";")[0]
                self._ledger.update(
                    record, "removed", reason=f"{reason}; its files were removed from the trash."
                )
        return removed
