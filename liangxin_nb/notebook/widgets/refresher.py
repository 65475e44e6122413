"""The one beat of all live cards: it bounds what they send, however many there are."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ...core.job_record import JobUpdate
from ...engine.background_loop import BackgroundLoop

__all__ = ["INTERVAL", "REFRESHER", "Card", "Refresher"]

#: Seconds between two beats, and what is done at each: cards drawn anew, clocks set.
INTERVAL, _MAX_DRAW_TIME, _FRESH, _OTHERS = 0.25, 6, 5, 3


class Card(Protocol):
    """Whatever shows a state and a running time."""

    @property
    def latest(self) -> JobUpdate:
        """The latest word about what it shows."""

    def draw(self) -> None:
        """Shows the latest word."""

    def tick(self) -> None:
        """Shows the time that has passed now."""


class Refresher:
    """Draws cards that have news and sets their clocks, from one task on the private loop.

    A card is drawn at most four times a second, all together at most 24 times; up to twenty clocks
    tick once a second, and of more the older ones take turns. `clock`: seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._cards: weakref.WeakKeyDictionary[Card, float] = weakref.WeakKeyDictionary()
        self._pending: dict[Card, None] = {}
        self._running = False

    def add(self, card: Card, loop: BackgroundLoop) -> None:
        """Lets the card's clock tick until it is over."""
        with self._lock:
            self._cards.setdefault(card, 0.0)
        self._start(loop)

    def request_draw(self, card: Card, loop: BackgroundLoop) -> None:
        """Has the card drawn at one of the next beats; safe from every thread."""
        with self._lock:
            self._pending[card] = None
        self._start(loop)

    def _start(self, loop: BackgroundLoop) -> None:
        with self._lock:
            start, self._running = not self._running, True
        if start:
            loop.submit(self._run())

    async def _run(self) -> None:
        while self._has_live_cards():
            # In a thread: a picture made small takes a moment, and the loop must not stand still.
            await asyncio.to_thread(self.show)
            await asyncio.sleep(INTERVAL)

    def show(self) -> None:
        """One beat: draws cards that have news, and sets clocks."""
        work = [card.draw for card in self._drawn()] + [card.tick for card in self._due()]
        for step in work:
            with suppress(Exception):  # one card that cannot be drawn must not stop the others
                step()

    def _has_live_cards(self) -> bool:
        with self._lock:
            # A card that is over may come to life again: *Again* and *Collect* give it a new job.
            alive = any(not card.latest.is_final for card in self._cards)
            self._running = alive or bool(self._pending)
            return self._running

    def _drawn(self) -> list[Card]:
        with self._lock:
            first = list(self._pending)[:_MAX_DRAW_TIME]
            for card in first:
                del self._pending[card]
            return first

    def _due(self) -> list[Card]:
        """The newest cards whose second is up, and those that have waited longest."""
        now = self._clock()
        with self._lock:
            times = [(card, at) for card, at in self._cards.items() if not card.latest.is_final]
            due = [card for card, at in times if now - at >= 1.0 - INTERVAL / 2]
            fresh = sorted(due, key=lambda card: -card.latest.record.created_at)[:_FRESH]
            rest = sorted(set(due) - set(fresh), key=lambda card: self._cards[card])[:_OTHERS]
            for card in (*fresh, *rest):
                self._cards[card] = now
            return [*fresh, *rest]


#: The one of this process.
REFRESHER = Refresher()
