"""How a batch is drafted, begins, is taken up again, and is listed."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from ..core.job_record import JobRecord, JobUpdate
from ..core.table import Table
from ..errors import InvalidRequestError
from ..ledger import Bundle
from ..session import Session
from .batch import WINDOW, Batch
from .estimate import Estimate
from .grid import Plan, planned
from .inputs import rows
from .state import Board, stands

__all__ = ["MOST", "Draft", "draft", "listing", "reopen"]

#: Tasks that a batch may create without being asked to.
MOST = 50
#: The batches that live in this process: each once, so that nothing is sent from two of them.
_LIVE: WeakKeyDictionary[Session, WeakValueDictionary[str, Batch]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Draft:
    """A batch that is planned and checked; nothing is sent or written before `begin`."""

    session: Session
    plan: Plan
    kept: tuple[JobRecord | None, ...]
    estimate: Estimate

    def begin(
        self, *, name: str = "", most: int = MOST, window: int = WINDOW, option: str = "most="
    ) -> Batch:
        """The batch, running, every ticket of it in the ledger.

        `option`: how more tasks than `most` are allowed, in words. Raises `InvalidRequestError`.
        """
        self.estimate.within(most, option)
        reused = {str(n): ticket.id for n, ticket in enumerate(self.kept) if ticket}
        grid = {"rows": list(self.plan.rows), "columns": list(self.plan.columns), "reused": reused}
        bundle = Bundle(uuid.uuid4().hex[:12], time.time(), name, grid)
        fresh = {n: self.plan.requests[n] for n, t in enumerate(self.kept) if t is None}
        tickets = {t.place: t for t in self.session.intend(fresh, bundle.id, bundle)}
        statuses = [
            JobUpdate(tickets[n], "unsent") if ticket is None else stands(self.session, ticket)
            for n, ticket in enumerate(self.kept)
        ]
        batch = _opened(self.session, bundle, statuses, dict.fromkeys(tickets, 1), window)
        batch.notes = self.plan.notes
        return batch.resume()


def draft(
    session: Session,
    prompts: Any,
    *,
    models: str | Sequence[str] = "z-image",
    seeds: Iterable[int] | int | None = None,
    image: Any = None,
    reuse: bool = False,
    **options: Any,
) -> Draft:
    """A batch on paper; see `liangxin_nb.batch` for what may be given."""
    plan = planned(
        session.settings.profile, rows(prompts),
        models=models, seeds=seeds, image=image, options=options,
    )  # fmt: skip
    kept = tuple(session.same(plan.requests) if reuse else [None] * len(plan.requests))
    return Draft(session, plan, kept, _estimate(session, plan, kept))


def reopen(session: Session, id: str, *, window: int = WINDOW) -> Batch:
    """The batch of that id, from the ledger, and on: what was never sent is sent, what was sent
    is collected, and nothing is sent twice.

    Raises `InvalidRequestError` for an id that is not in the ledger, and for another service's
    batch.
    """
    bundle = session.ledger.bundle(id)
    if bundle is None:
        raise InvalidRequestError(
            f"There is no batch {id!r} in the ledger {session.ledger.place!r}.",
            next_step="%liangxin batches lists them.",
        )
    if live := _LIVE.setdefault(session, WeakValueDictionary()).get(bundle.id):
        return live.resume()
    session.find_lost()
    tickets = session.ledger.of_batch(bundle.id)
    _check_service(session, bundle, tickets)
    newest = {ticket.place: ticket for ticket in tickets}
    for place, ticket_id in bundle.plan.get("reused", {}).items():
        newest[int(place)] = session.ticket(ticket_id)
    statuses = [stands(session, newest[place]) for place in sorted(newest)]
    tries = Counter(ticket.place for ticket in tickets)
    return _opened(session, bundle, statuses, tries, window).resume()


def listing(session: Session, most: int = 20) -> Table:
    """The newest batches of the ledger as rows."""
    found = []
    for bundle in session.ledger.bundles(most):
        newest = {ticket.place: ticket for ticket in session.ledger.of_batch(bundle.id)}
        reused = len(bundle.plan.get("reused", {}))
        fates = Counter(ticket.fate for ticket in newest.values())
        kept = fates.pop("kept", 0) + reused
        rest = ", ".join(f"{n} {_FATES.get(fate, fate)}" for fate, n in fates.items())
        when = datetime.fromtimestamp(bundle.at).astimezone()
        found.append((bundle.id, when, bundle.name, len(newest) + reused, kept, rest))
    headings = ("batch", "when", "name", "tasks", "kept", "the rest")
    return Table(headings, found, "No batch yet.")


_FATES = {"intent": "not sent", "accepted": "to be collected", "succeeded": "to be collected"}


def _estimate(session: Session, plan: Plan, kept: Sequence[JobRecord | None]) -> Estimate:
    fresh = [r for r, ticket in zip(plan.requests, kept, strict=True) if ticket is None]
    profile = session.settings.profile
    told = {m: session.ledger.price(m, profile) for m in {r.model for r in fresh}}
    prices = {model: price for model, price in told.items() if price is not None}
    reused = len(kept) - len(fresh)
    return Estimate.of(fresh, reused, prices, profile == "sandbox", plan.notes)


def _opened(
    session: Session, bundle: Bundle, statuses: list[JobUpdate], tries: dict[int, int], window: int
) -> Batch:
    board = Board(bundle, session.settings.profile, statuses, tries)
    batch = Batch(session, board, window=window)
    _LIVE.setdefault(session, WeakValueDictionary())[bundle.id] = batch
    return batch


def _check_service(session: Session, bundle: Bundle, tickets: list[JobRecord]) -> None:
    here = (session.settings.profile, session.settings.base_url)
    for ticket in tickets:
        if (ticket.profile, ticket.service) != here:
            raise InvalidRequestError(
                f"The batch {bundle.id} belongs to {ticket.service or ticket.profile}, this "
                f"session uses {session.settings.host}.",
                next_step=f"Use the profile {ticket.profile} and its address, then take it up.",
            )
