"""`%liangxin trash` and `%liangxin restore`: deleted results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.formatting import format_bytes, format_count, format_time, shorten
from ...core.printing import print_text
from ...core.table import Table
from ...errors import InvalidRequestError
from .execution import current_session

if TYPE_CHECKING:
    from ...results import Result

__all__ = ["restore_command", "trash_command"]


def trash_command(arguments: str) -> Table:
    """List the deleted results, or remove them from the disk."""
    from ...library import Library
    from ...results import TRASH_DAYS

    library = Library(current_session())
    if arguments not in ("", "--empty"):
        raise InvalidRequestError(
            f"{arguments!r} is not an option of %liangxin trash; nothing was removed.",
            next_step="Write %liangxin trash, or %liangxin trash --empty.",
        )
    if arguments:
        count = library.empty_trash()
        return Table((), (), f"Removed {format_count(count, 'result')} from the disk.")
    deleted = library.trash()
    rows = [
        (
            entry.id,
            format_time(result.deleted_at),
            shorten(entry.record.request.prompt, 80),
            format_bytes(result.size),
        )
        for entry, result in deleted
    ]
    if rows:
        print_text(  # one sentence above the table
            f"{format_count(len(rows), 'result')}, "
            f"{format_bytes(sum(result.size for _, result in deleted))}. "
            f"%liangxin restore ID brings one back; removed {TRASH_DAYS} days after the deletion, "
            "or by %liangxin trash --empty."
        )
    return Table(("id", "deleted", "prompt", "size"), rows, "The trash is empty.")


def restore_command(job_id: str) -> Result:
    """Bring a deleted result back, and show it."""
    from ...library import Library

    if not job_id:
        raise InvalidRequestError(
            "%liangxin restore needs the id of a deleted result.",
            next_step="%liangxin trash lists them.",
        )
    session = current_session()
    return session.result(Library(session).restore(job_id))
