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
from ..ledger import BatchRecord
from ..session import Session
from .batch import CONCURRENCY, Batch
from .estimate import Estimate
from .grid import RequestGrid, build_grid
from .inputs import parse_prompts
from .state import BatchState, update_from_record

__all__ = ["MAX_TASKS", "PreparedBatch", "list_batches", "open_batch", "prepare"]

#: Tasks that a batch may create without being asked to.
MAX_TASKS = 50
#: The batches that live in this process: each once, so that nothing is sent from two of them.
_LIVE: WeakKeyDictionary[Session, WeakValueDictionary[str, Batch]] = WeakKeyDictionary()


@dataclass(frozen=True)
class PreparedBatch:
    """A batch that is planned and checked; nothing is sent or written before `start`."""

    session: Session
    grid: RequestGrid
    reused: tuple[JobRecord | None, ...]
    estimate: Estimate

    def start(
        self,
        *,
        name: str = "",
        max_tasks: int = MAX_TASKS,
        concurrency: int = CONCURRENCY,
        option: str = "max_tasks=",
    ) -> Batch:
        """The batch, running, every job record of it in the ledger.

        `option`: how more tasks than `max_tasks` are allowed, in words. Raises
        `InvalidRequestError`.
        """
        self.estimate.check_limit(max_tasks, option)
        reused = {str(n): record.id for n, record in enumerate(self.reused) if record}
        grid = {"rows": list(self.grid.rows), "columns": list(self.grid.columns), "reused": reused}
        batch_record = BatchRecord(uuid.uuid4().hex[:12], time.time(), name, grid)
        fresh = {n: self.grid.requests[n] for n, t in enumerate(self.reused) if t is None}
        records = {
            t.batch_index: t for t in self.session.create_jobs(fresh, batch_record.id, batch_record)
        }
        updates = [
            JobUpdate(records[n], "pending")
            if record is None
            else update_from_record(self.session, record)
            for n, record in enumerate(self.reused)
        ]
        batch = _make_batch(
            self.session, batch_record, updates, dict.fromkeys(records, 1), concurrency
        )
        batch.notes = self.grid.notes
        return batch.resume()


def prepare(
    session: Session,
    prompts: Any,
    *,
    models: str | Sequence[str] = "z-image",
    seeds: Iterable[int] | int | None = None,
    image: Any = None,
    reuse: bool = False,
    **options: Any,
) -> PreparedBatch:
    """A batch on paper; see `liangxin_nb.batch` for what may be given."""
    grid = build_grid(
        session.settings.profile, parse_prompts(prompts),
        models=models, seeds=seeds, image=image, options=options,
    )  # fmt: skip
    kept = tuple(session.find_identical(grid.requests) if reuse else [None] * len(grid.requests))
    return PreparedBatch(session, grid, kept, _estimate(session, grid, kept))


def open_batch(session: Session, id: str, *, concurrency: int = CONCURRENCY) -> Batch:
    """The batch of that id, from the ledger, and on: what was never sent is sent, what was sent
    is collected, and nothing is sent twice.

    Raises `InvalidRequestError` for an id that is not in the ledger, and for another service's
    batch.
    """
    batch_record = session.ledger.get_batch(id)
    if batch_record is None:
        raise InvalidRequestError(
            f"There is no batch {id!r} in the ledger {session.ledger.location!r}.",
            next_step="%liangxin batches lists them.",
        )
    if live := _LIVE.setdefault(session, WeakValueDictionary()).get(batch_record.id):
        return live.resume()
    session.reconcile()
    records = session.ledger.jobs_of_batch(batch_record.id)
    _check_service(session, batch_record, records)
    newest = {record.batch_index: record for record in records}
    for place, ticket_id in batch_record.plan.get("reused", {}).items():
        newest[int(place)] = session.get_record(ticket_id)
    updates = [update_from_record(session, newest[place]) for place in sorted(newest)]
    tries = Counter(record.batch_index for record in records)
    return _make_batch(session, batch_record, updates, tries, concurrency).resume()


def list_batches(session: Session, limit: int = 20) -> Table:
    """The newest batches of the ledger as rows."""
    found = []
    for batch_record in session.ledger.list_batches(limit):
        newest = {
            record.batch_index: record for record in session.ledger.jobs_of_batch(batch_record.id)
        }
        reused = len(batch_record.plan.get("reused", {}))
        fates = Counter(record.status for record in newest.values())
        kept = fates.pop("saved", 0) + reused
        rest = ", ".join(f"{n} {_STATUS_LABELS.get(fate, fate)}" for fate, n in fates.items())
        when = datetime.fromtimestamp(batch_record.created_at).astimezone()
        found.append((batch_record.id, when, batch_record.name, len(newest) + reused, kept, rest))
    headings = ("batch", "when", "name", "tasks", "saved", "the rest")
    return Table(headings, found, "No batch yet.")


_STATUS_LABELS = {
    "pending": "not sent",
    "submitted": "to be collected",
    "succeeded": "to be collected",
}


def _estimate(session: Session, grid: RequestGrid, kept: Sequence[JobRecord | None]) -> Estimate:
    fresh = [r for r, record in zip(grid.requests, kept, strict=True) if record is None]
    profile = session.settings.profile
    told = {m: session.ledger.last_cost(m, profile) for m in {r.model for r in fresh}}
    prices = {model: price for model, price in told.items() if price is not None}
    reused = len(kept) - len(fresh)
    return Estimate.of(fresh, reused, prices, profile == "sandbox", grid.notes)


def _make_batch(
    session: Session,
    record: BatchRecord,
    updates: list[JobUpdate],
    attempts: dict[int, int],
    concurrency: int,
) -> Batch:
    state = BatchState(record, session.settings.profile, updates, attempts)
    batch = Batch(session, state, concurrency=concurrency)
    _LIVE.setdefault(session, WeakValueDictionary())[record.id] = batch
    return batch


def _check_service(session: Session, record: BatchRecord, records: list[JobRecord]) -> None:
    here = (session.settings.profile, session.settings.base_url)
    for ticket in records:
        if (ticket.profile, ticket.service) != here:
            raise InvalidRequestError(
                f"The batch {record.id} belongs to {ticket.service or ticket.profile}, this "
                f"session uses {session.settings.host}.",
                next_step=f"Use the profile {ticket.profile} and its address, then take it up.",
            )
