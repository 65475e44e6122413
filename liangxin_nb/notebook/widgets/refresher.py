"""Redraw all live cards at fixed intervals; limits the messages however many cards there are."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ..._forks import renew_after_fork
from ...core.job_record import JobUpdate
from ...engine.background_loop import BackgroundLoop

__all__ = ["INTERVAL", "REFRESHER", "Card", "Refresher"]

#: Seconds between two rounds.
INTERVAL: float = 0.25
#: Per round: cards that are drawn, and clocks of the newest and of the other cards that are set.
_MAX_DRAWN, _MAX_NEWEST, _MAX_OTHERS = 6, 5, 3


class Card(Protocol):
    """A view with a state and a running time."""

    @property
    def latest(self) -> JobUpdate:
        """The latest update of what it shows."""

    def draw(self) -> None:
        """Show the latest update."""

    def tick(self) -> None:
        """Show the time that has passed."""


class Refresher:
    """Draws cards that have changed and sets their clocks, from one task on the background loop.

    A card is drawn at most four times a second, all cards together at most 24 times. Up to twenty
    clocks tick once a second; of more, the older ones take turns.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a refresher without cards.

        Args:
            clock: Returns monotonic seconds.
        """
        self._clock = clock
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Start without cards: those of a parent process are drawn there."""
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._ticked_at: weakref.WeakKeyDictionary[Card, float] = weakref.WeakKeyDictionary()
        self._changed: dict[Card, None] = {}
        self._running = False

    def add(self, card: Card, loop: BackgroundLoop) -> None:
        """Let the clock of a card tick until its job has ended."""
        with self._lock:
            self._ticked_at.setdefault(card, 0.0)
        self._start(loop)

    def request_draw(self, card: Card, loop: BackgroundLoop) -> None:
        """Draw a card in one of the next rounds; safe from every thread."""
        with self._lock:
            self._changed[card] = None
        self._start(loop)

    def _start(self, loop: BackgroundLoop) -> None:
        with self._lock:
            start, self._running = not self._running, True
        if start:
            loop.submit(self._run())

    async def _run(self) -> None:
        while self._update_running():
            # In a thread: making a thumbnail takes time, and must not block the loop.
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(INTERVAL)

    def refresh(self) -> None:
        """Run one round: draw cards that have changed, and set clocks."""
        steps = [card.draw for card in self._take_changed()]
        steps += [card.tick for card in self._take_due()]
        for step in steps:
            with suppress(Exception):  # a card that cannot be drawn must not stop the others
                step()

    def _update_running(self) -> bool:
        with self._lock:
            # Finished cards stay registered: *Again* and *Collect* give them a new job.
            is_live = any(not card.latest.is_final for card in self._ticked_at)
            self._running = is_live or bool(self._changed)
            return self._running

    def _take_changed(self) -> list[Card]:
        with self._lock:
            cards = list(self._changed)[:_MAX_DRAWN]
            for card in cards:
                del self._changed[card]
            return cards

    def _take_due(self) -> list[Card]:
        """Return the newest cards that are due, and those that have waited longest."""
        now = self._clock()
        with self._lock:
            due = [
                card
                for card, ticked_at in self._ticked_at.items()
                if not card.latest.is_final and now - ticked_at >= 1.0 - INTERVAL / 2
            ]
            newest = sorted(due, key=lambda card: -card.latest.record.created_at)[:_MAX_NEWEST]
            others = sorted(set(due) - set(newest), key=lambda card: self._ticked_at[card])
            cards = [*newest, *others[:_MAX_OTHERS]]
            for card in cards:
                self._ticked_at[card] = now
            return cards


#: The refresher of this process.
REFRESHER: Refresher = Refresher()
