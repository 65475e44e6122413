"""The cards of what was asked for, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from liangxin_nb.session import Session
from liangxin_nb.session.job import Job

from ..card_factory import make_card
from ..task_card import TaskCard
from .common import with_class

__all__ = ["MAX_CARDS", "CardList"]

#: Cards kept on the screen; what is older is in the ledger and in the gallery.
MAX_CARDS = 20
_EMPTY = "Nothing asked for yet. Write a prompt, then Generate; the cards appear here."


class CardList:
    """A column of live cards; `edit` takes a card's job back into the form."""

    def __init__(self, edit: Callable[[Job], None], done: Callable[[], None]) -> None:
        self._edit, self._done = edit, done
        self._cards: list[TaskCard] = []
        self._removed = 0
        self._more = with_class(widgets.HTML(_EMPTY), "lx-hint")
        self._column = with_class(widgets.VBox(), "lx-shelf")
        self.widget = widgets.VBox([self._column, self._more], layout={"overflow": "visible"})

    def add(self, job: Job, session: Session, notes: Sequence[str] = ()) -> None:
        """Puts a job's card on top; the oldest that is over makes room."""
        card, followed = make_card(
            job,
            session,
            notes=notes,
            added=lambda next_job: self.add(next_job, session),
            edit=self._edit,
        )
        self._cards.insert(0, card)
        dropped = self._overflow()
        self._column.children = [card.box for card in self._cards]
        for old in dropped:
            old.close()
        self._more.value = self._remove_oldest()
        followed(job)
        job.watch(lambda update: self._done() if update.phase == "saved" else None)

    def _overflow(self) -> list[TaskCard]:
        dropped = []
        while len(self._cards) > MAX_CARDS:
            over = [card for card in self._cards if card.latest.is_final]
            dropped.append(over[-1] if over else self._cards[-1])
            self._cards.remove(dropped[-1])
        self._removed += len(dropped)
        return dropped

    def _remove_oldest(self) -> str:
        if not self._removed:
            return ""
        return f"{self._removed} more: %liangxin tasks lists all, %liangxin show ID shows one."
