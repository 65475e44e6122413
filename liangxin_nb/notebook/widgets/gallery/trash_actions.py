"""Deleting results and bringing them back, in the gallery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from liangxin_nb.core.formatting import format_count
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.library import Library

from .controls import StatusLine, set_visible

__all__ = ["TrashActions"]


class TrashActions:
    """Moves results to the trash, and the last ones back.

    Attributes:
        undo: The button that undoes the last deletion; visible while there is one.
    """

    undo: Any

    def __init__(
        self, library: Library, status_line: StatusLine, on_change: Callable[[list[str]], None]
    ) -> None:
        """Create the button.

        Args:
            library: The results.
            status_line: Where is shown what was done.
            on_change: Called with the ids after a change.
        """
        self._library, self._status_line, self._on_change = library, status_line, on_change
        self._deleted: list[str] = []
        self.undo = status_line.button(
            "Undo delete", "Brings back what was deleted last", self._undo, own_layout=True
        )
        set_visible(self.undo, False)

    def delete(self, ids: Sequence[str]) -> None:
        """Move results to the trash."""
        self._deleted = self._change(
            self._library.delete, ids, "Moved {} to the trash; Undo delete brings it back."
        )
        set_visible(self.undo, bool(self._deleted))

    def restore(self, ids: Sequence[str]) -> None:
        """Bring results back from the trash."""
        self._change(self._library.restore, ids, "Restored {}.")

    def _undo(self) -> None:
        ids, self._deleted = self._deleted, []
        set_visible(self.undo, False)
        self.restore(ids)

    def _change(
        self, change: Callable[[str], object], ids: Sequence[str], report: str
    ) -> list[str]:
        """Change results, and return the ids of those that another window had not changed."""
        changed, problem = [], ""
        for job_id in ids:
            try:
                change(job_id)
                changed.append(job_id)
            except InvalidRequestError as error:
                problem = str(error)
        self._on_change([*ids])
        self._status_line.show(
            report.format(format_count(len(changed), "result")) if changed else problem
        )
        return changed
