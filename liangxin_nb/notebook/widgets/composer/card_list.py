"""The cards of submitted jobs, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from liangxin_nb.session import BaseSession
from liangxin_nb.session.job import Job

from ..card_factory import make_card
from ..task_card import TaskCard
from .common import with_class

__all__ = ["MAX_CARDS", "CardList"]

#: Cards on the screen; older jobs are in the ledger and in the gallery.
MAX_CARDS: int = 20
_EMPTY = "Nothing submitted yet. Write a prompt, then Generate; the cards appear here."


class CardList:
    """A column of live cards.

    Attributes:
        widget: The widget.
    """

    widget: Any

    def __init__(self, on_edit: Callable[[Job], None], on_saved: Callable[[], None]) -> None:
        """Create an empty column.

        Args:
            on_edit: Loads the request of a job into the form.
            on_saved: Called when the result of a job has been saved.
        """
        self._on_edit, self._on_saved = on_edit, on_saved
        self._cards: list[TaskCard] = []
        self._removed_count = 0
        self._message = with_class(widgets.HTML(_EMPTY), "lx-hint")
        self._column = with_class(widgets.VBox(), "lx-cards")
        self.widget = widgets.VBox([self._column, self._message], layout={"overflow": "visible"})

    def add(self, job: Job, session: BaseSession, notes: Sequence[str] = ()) -> None:
        """Add the card of a job on top; if there are too many, the oldest ended one is removed."""
        card, follow = make_card(
            job,
            session,
            notes=notes,
            add_card=lambda next_job: self.add(next_job, session),
            edit=self._on_edit,
        )
        self._cards.insert(0, card)
        removed = self._take_surplus()
        self._column.children = [card.box for card in self._cards]
        for old_card in removed:
            old_card.close()
        self._message.value = (
            f"{self._removed_count} more: %liangxin tasks lists all, %liangxin show ID shows one."
            if self._removed_count
            else ""
        )
        follow(job)
        job.watch(lambda update: self._on_saved() if update.phase == "saved" else None)

    def _take_surplus(self) -> list[TaskCard]:
        removed = []
        while len(self._cards) > MAX_CARDS:
            ended = [card for card in self._cards if card.latest.is_final]
            removed.append(ended[-1] if ended else self._cards[-1])
            self._cards.remove(removed[-1])
        self._removed_count += len(removed)
        return removed
